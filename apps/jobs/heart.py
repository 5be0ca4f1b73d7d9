"""The thread in which a worker says that it lives."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import Error, connections

from apps.jobs.services import worker_seen

logger = logging.getLogger(__name__)


def heart_start() -> threading.Thread:
    """Begin to say so, until the process ends."""
    thread = threading.Thread(target=_beat, name="heart", daemon=True)
    thread.start()
    return thread


def _beat() -> None:
    wait = threading.Event().wait
    while True:
        try:
            worker_seen()
        except (Error, OSError) as error:
            logger.warning("The worker cannot say that it lives: %s", error)
        finally:
            # Kept open it would be one more connection of each worker, used once in ten seconds.
            connections.close_all()
        wait(settings.JOB_HEARTBEAT_SECONDS)
