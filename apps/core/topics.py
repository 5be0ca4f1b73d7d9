"""Live topics: who may listen, what a replay gives, and the nudge after commit (row, commit, nudge, replay)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction

from apps.core.actors import Actor
from apps.core.broker import group_publish, groups_publish


@dataclass(frozen=True, slots=True)
class Topic:
    """A family of topics such as `job.<id>`.

    `may_follow(actor, key)` is asked on subscription and again on each sweep;
    `replay(actor, key, after)` returns (seq of the last row given, rows after `after`), oldest first and at most a
    few hundred at a time (who listens asks again until there is none), rows being JSON objects with "seq".
    With `snapshot` the rows say how things are now instead of what happened; they are sent when they differ from
    what was sent last.
    """

    prefix: str
    may_follow: Callable[[Actor, str], bool]
    replay: Callable[[Actor, str, int], tuple[int, list[dict[str, Any]]]]
    snapshot: bool = False


_topics: dict[str, Topic] = {}


def topic_register(topic: Topic) -> None:
    """Called from a room's `AppConfig.ready()`."""
    _topics[topic.prefix] = topic


def topic_find(name: str) -> tuple[Topic, str] | None:
    """Split `job.<id>` into its registered family and key; None when nobody registered it."""
    prefix, _, key = name.partition(".")
    topic = _topics.get(prefix)
    return (topic, key) if topic and key else None


def group_name(name: str) -> str:
    """Channels group of a topic."""
    return f"topic.{name}"


def _message(name: str, seq: int) -> dict[str, Any]:
    return {"type": "topic.nudge", "topic": name, "seq": seq}


def _send(name: str, seq: int) -> None:
    # A lost nudge costs a delay, never a line: listeners sweep.
    group_publish(group_name(name), _message(name, seq))


class _Gathering:
    """Topics whose nudges come faster than anybody looks: each is sent once in `_GATHER` seconds, by a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._thread: threading.Thread | None = None

    def add(self, name: str) -> None:
        with self._lock:
            self._waiting.add(name)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._empty, name="nudges", daemon=True)
                self._thread.start()

    def _empty(self) -> None:
        """Ends when nothing came for a while."""
        while True:
            time.sleep(_GATHER)
            with self._lock:
                names, self._waiting = self._waiting, set()
                if not names:
                    self._thread = None
                    return
            groups_publish({group_name(name): _message(name, 0) for name in names})


_GATHER = 0.1
_gathering = _Gathering()


def nudge(name: str, seq: int = 0) -> None:
    """Tell listeners of a topic to look, once the transaction has committed."""
    transaction.on_commit(partial(_send, name, seq), robust=True)


def nudge_gathered(name: str) -> None:
    """As `nudge` for what is written many times a second: the writer does not wait, and many become one."""
    transaction.on_commit(partial(_gathering.add, name), robust=True)
