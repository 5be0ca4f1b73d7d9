"""A file store that is away, full or closed to us: one refusal for all kinds of stores."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from apps.core.errors import Unavailable

logger = logging.getLogger(__name__)

# Each cloud's library, where it is loaded at all, with the bases of what it raises.
_LIBRARIES = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "boto3.exceptions": ("Boto3Error",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
    "requests.exceptions": ("RequestException",),
}
_FULL = (errno.ENOSPC, errno.EDQUOT)


def store_faults() -> tuple[type[Exception], ...]:
    """The exceptions by which the loaded stores say that they cannot be used."""
    found: list[type[Exception]] = []
    for module, names in _LIBRARIES.items():
        loaded = sys.modules.get(module)
        found += [getattr(loaded, name) for name in names if loaded is not None and hasattr(loaded, name)]
    return tuple(found)


@contextmanager
def store_used() -> Iterator[None]:
    """Around each use of the store. Raises Unavailable when it is away, full or closed; FileNotFoundError passes."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        logger.exception("the file store failed")
        full = error.errno in _FULL
        raise Unavailable(FULL if full else AWAY, code="store_full" if full else "store_away") from error
    except store_faults() as error:
        logger.exception("the file store failed")
        raise Unavailable(AWAY, code="store_away") from error


FULL = "The file store is full. Nothing was stored. An administrator can free space; then try again."
AWAY = "The file store cannot be reached. Nothing was stored. Try again in a few seconds."
