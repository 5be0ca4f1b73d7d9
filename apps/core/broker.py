"""Telling other processes through Valkey without ever making a request wait for it.

Everything sent here is only a hint: the rows are in the database, and a sweep finds them when a hint is lost. So a
send is tried once, briefly, and after a failure nothing is sent for a moment (`_PAUSE`), such that requests do not
pay one timeout each while Valkey is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from celery import current_app
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from kombu.exceptions import KombuError
from kombu.pools import producers
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

_PAUSE = 2.0
_TIMEOUT = 0.5


class _Breaker:
    """Open (nothing is sent) for a moment after a failure."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    def call(self, send: Callable[[], Any]) -> bool:
        """Run `send` unless it failed a moment ago; True when it went through."""
        if time.monotonic() < self._until:
            return False
        try:
            send()
        except (RedisError, KombuError, OSError) as error:
            with self._lock:
                self._until = time.monotonic() + _PAUSE
            logger.warning("The message broker cannot be reached: %s", error)
            return False
        return True


_breaker = _Breaker()


@cache
def _client() -> Redis:
    """One client for all threads of this process: it keeps a pool of few connections, none per event loop.

    A connection that broke while it was idle (Valkey was restarted) is tried a second time, at once.
    """
    return Redis.from_url(
        settings.REDIS_PY_URL,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
    )


def groups_publish(messages: Mapping[str, dict[str, Any]]) -> bool:
    """Send a message to each of some Channels groups from a thread, as the channel layer would; True when Valkey took
    them.

    The layer's own `group_send` is a coroutine: from a thread it needs an event loop, and with it a connection, for
    each call. Publishing the layer's bytes on the layer's channel does the same in a tenth of a millisecond, and many
    go in one turn.
    """
    layer = get_channel_layer()
    if layer is None:
        return False
    config: Any = settings.CHANNEL_LAYERS["default"]["CONFIG"]
    prefix = config["prefix"]
    turn = _client().pipeline(transaction=False)
    for group, message in messages.items():
        turn.publish(f"{prefix}__group__{group}", layer.serialize(message))
    return _breaker.call(turn.execute)


def group_publish(group: str, message: dict[str, Any]) -> bool:
    """Send to one Channels group; True when Valkey took it."""
    return groups_publish({group: message})


@cache
def _producers() -> Any:
    """Celery's broker with our patience instead of its own, which retries for six seconds."""
    connection = current_app.connection_for_write(
        transport_options={"socket_timeout": 1.0, "socket_connect_timeout": _TIMEOUT, "max_retries": 0}
    )
    return producers[connection]


def _publish(name: str, args: list[str]) -> None:
    with _producers().acquire(block=True, timeout=1) as producer:
        current_app.send_task(name, args=args, producer=producer, retry=False)


def task_send_now(name: str, *args: Any) -> bool:
    """Enqueue a task by its name; True when the broker took it."""
    return _breaker.call(partial(_publish, name, [str(argument) for argument in args]))


def task_send(name: str, *args: Any) -> None:
    """Enqueue a task by its name ("apps.jobs.tasks.job_run") once the transaction has committed.

    Arguments are ids. When the broker is away nothing is raised: a beat task has to find the row.
    """
    transaction.on_commit(partial(task_send_now, name, *args), robust=True)
