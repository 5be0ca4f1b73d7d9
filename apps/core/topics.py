"""Live topics: who may listen, what a replay gives, and the nudge after commit (row, commit, nudge, replay)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from apps.core.actors import Actor


@dataclass(frozen=True, slots=True)
class Topic:
    """A family of topics such as `job.<id>`.

    `may_follow(actor, key)` is asked on subscription and again on each sweep;
    `replay(actor, key, after)` returns (highest seq, rows after `after`), rows being JSON objects with "seq".
    """

    prefix: str
    may_follow: Callable[[Actor, str], bool]
    replay: Callable[[Actor, str, int], tuple[int, list[dict[str, Any]]]]


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


def _send(name: str, seq: int) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group_name(name), {"type": "topic.nudge", "topic": name, "seq": seq})
    except Exception:  # noqa: BLE001 - a lost nudge costs a delay, never a line; the sweep looks again
        return


def nudge(name: str, seq: int = 0) -> None:
    """Tell listeners of a topic to look, once the transaction has committed."""
    transaction.on_commit(partial(_send, name, seq))
