"""Whom a token belonged to a moment ago, and the proof that nothing has changed since.

Finding a token's owner is a call of the database of its own before each write. A process may remember what it found,
if the very statement that writes also proves it (`accounts_token_prove`, migration 0004): when the token was revoked
or has ended, when its owner was removed, or when any right of theirs changed, that statement fails and has written
nothing. So what was revoked ends at the next call, whatever a process remembers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from apps.core.actors import Actor

# So that a token that is in use says so, at least twice a minute.
_SECONDS = 30
_MOST = 2_000
# What `accounts_token_prove` raises.
_CHANGED = "FW401"
_PROOF = ", accounts_token_prove(%s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was found for a token: the actor, and the digest of all its rights."""

    actor: Actor
    rights: str
    until: float


_held: dict[str, Remembered] = {}


def remember(digest: str, actor: Actor, rights: str) -> None:
    """Keep what was found for a token, by the hash of its secret."""
    if len(_held) >= _MOST:
        _held.clear()
    _held[digest] = Remembered(actor, rights, time.monotonic() + _SECONDS)


class BelievedActor:
    """An actor by memory: whatever it is asked, it reads itself anew before it answers, so that nothing is decided by
    memory. Only `row_proven` looks at what is remembered, and proves it.
    """

    # Only tokens of people are remembered.
    is_person = True
    __slots__ = ("_digest", "_find", "_found", "_remembered", "_rights", "proven")

    def __init__(self, digest: str, remembered: Actor, rights: str, find: Callable[[], Actor]) -> None:
        self._digest, self._remembered, self._rights, self._find = digest, remembered, rights, find
        self._found: Actor | None = None
        self.proven = False

    def now(self) -> Actor:
        """The actor with present rights, read once. Raises what `find` raises for a token that is not valid."""
        if self._found is None:
            _held.pop(self._digest, None)
            self._found = self._find()
        return self._found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now(), name)

    def _row(self, statement: str, parameters: Callable[[Actor], Sequence[Any]]) -> tuple[Any, ...] | None:
        """The row, proven; None when the actor is known by now, or when what was remembered does not hold."""
        # A failed proof ends the transaction: it may not be that of somebody who goes on.
        if self._found is not None or connection.in_atomic_block:
            return None
        proof = [self._digest, timezone.now(), self._rights]
        try:
            row = _row(statement + _PROOF, [*parameters(self._remembered), *proof])
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", None) != _CHANGED:
                raise
            return None
        self.proven = True
        return row


def believed_actor(digest: str, *, request_id: str, find: Callable[[], Actor]) -> BelievedActor | None:
    """The actor of a token by memory; None when nothing is remembered. `find` reads the actor."""
    held = _held.get(digest)
    if held is None or held.until < time.monotonic():
        return None
    actor = replace(held.actor, request_id=request_id, out_of_scope=[])
    return BelievedActor(digest, actor, held.rights, find)


def row_proven(actor: Actor, statement: str, parameters: Callable[[Actor], Sequence[Any]]) -> tuple[Any, ...]:
    """The one row of `SELECT … FROM function(…) AS …`, asked with the actor's present rights.

    `parameters` are made of the actor, once more when what was remembered of it does not hold.
    """
    if isinstance(actor, BelievedActor):
        row = actor._row(statement, parameters)
        if row is not None:
            return row
        actor = actor.now()
    return _row(statement, parameters(actor))


def _row(statement: str, parameters: Sequence[Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
