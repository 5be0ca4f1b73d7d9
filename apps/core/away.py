"""Errors by which the database or the broker says that it cannot serve now: nobody's fault who asks."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import DiskFull, InternalError_
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from apps.core.errors import Unavailable

_ALWAYS = (OperationalError, InterfaceError, PoolTimeout, RedisConnectionError, RedisTimeoutError)


AWAY = "The database or the message broker cannot be reached. Nothing was changed. Try again in a few seconds."
FULL = "The database's disk is full. Nothing was changed. An administrator can free space; then try again."


def away_error(error: BaseException) -> Unavailable | None:
    """The refusal for a lost database or broker, a full disk, and a database replaced under a statement; else None.

    Who waits while a restore puts other contents in place may have looked up a function or type that is gone
    afterwards. PostgreSQL tells that as an internal error (SQLSTATE XX000, "cache lookup failed"); said again, the
    same statement finds the new one.
    """
    if isinstance(error.__cause__, DiskFull):
        return Unavailable(FULL, code="database_full")
    replaced = isinstance(error, InternalError) and isinstance(error.__cause__, InternalError_)
    return Unavailable(AWAY) if replaced or isinstance(error, _ALWAYS) else None
