"""Whether an error says that the database or the broker is away: nobody's fault, and over in a moment."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import InternalError_
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_ALWAYS = (OperationalError, InterfaceError, PoolTimeout, RedisConnectionError, RedisTimeoutError)


def is_away(error: BaseException) -> bool:
    """True for a lost database or broker, and for a database that was replaced under a statement.

    Who waits while a restore puts other contents in place may have looked up a function or type that is gone
    afterwards. PostgreSQL tells that as an internal error (SQLSTATE XX000, "cache lookup failed"); said again, the
    same statement finds the new one.
    """
    return isinstance(error, _ALWAYS) or (
        isinstance(error, InternalError) and isinstance(error.__cause__, InternalError_)
    )
