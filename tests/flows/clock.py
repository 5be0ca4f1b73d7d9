"""Settings of processes whose clock a test can move: the file that FLOW_CLOCK names holds seconds."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from celery.app.base import Celery
from celery.worker import request
from django.utils import timezone

from controlplane.settings.test import *  # noqa: F403 - settings, as Django's modules of settings are written

_FILE = Path(os.environ["FLOW_CLOCK"])
_now = timezone.now
_celery_now = Celery.now


def moved() -> timedelta:
    """How far the clock was moved."""
    return timedelta(seconds=float(_FILE.read_text() or 0))


def now() -> datetime:
    return _now() + moved()


timezone.now = now
Celery.now = lambda self: _celery_now(self) + moved()


class MovedDatetime(datetime):
    """What Celery's worker asks whether a message has expired."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + moved()


request.datetime = MovedDatetime
