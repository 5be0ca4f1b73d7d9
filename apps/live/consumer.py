"""The WebSocket: subscribe first, then replay; each nudge and a sweep look again (row, commit, nudge, replay).

From the browser: {"subscribe": topic, "after": seq}, {"unsubscribe": topic}, {"ping": anything}.
To the browser: {"topic", "seq", "rows"}, {"error", "topic"}, {"pong": ...}; {"beat": seconds} after each sweep tells
that the connection lives and how long the next one may take.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from apps.core.actors import Actor
from apps.core.topics import group_name
from apps.live.access import actor_of_session, origin_valid
from apps.live.following import Following, NotAllowed

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
MOST_TOPICS = 20
LONGEST_MESSAGE = 2_000
_AWAY = (DatabaseError, InterfaceError, PoolTimeout)


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser. Its rights are read anew at every sweep, so a role or session that ended is felt within seconds."""

    async def connect(self) -> None:
        """Only our own pages with a signed-in session; others are refused before the handshake is complete."""
        self.following: dict[str, Following] = {}
        self.unheard: set[str] = set()
        self.looking = asyncio.Lock()
        self.sweeper: asyncio.Task[None] | None = None
        if not origin_valid(self.scope["headers"]):
            await self.close(code=4403)
            return
        try:
            actor = await self._actor()
        except _AWAY:
            await self.close(code=1013)
            return
        if not actor.is_authenticated:
            await self.close(code=4401)
            return
        await self.accept()
        self.sweeper = asyncio.create_task(self._sweep())

    async def disconnect(self, code: int) -> None:
        if self.sweeper is not None:
            self.sweeper.cancel()
        for name in list(getattr(self, "following", {})):
            await self._leave(name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A request of the browser; what cannot be read is answered with an error, never with a fault."""
        try:
            if text_data is None or len(text_data) > LONGEST_MESSAGE:
                raise ValueError
            message = json.loads(text_data)
            if not isinstance(message, dict):
                raise ValueError
        except (ValueError, RecursionError):
            await self._send({"error": "unreadable"})
            return
        if "ping" in message:
            await self._send({"pong": message["ping"]})
        elif "unsubscribe" in message:
            await self._leave(str(message["unsubscribe"]))
        elif "subscribe" in message:
            await self._subscribe(str(message["subscribe"]), message.get("after", 0))
        else:
            await self._send({"error": "unknown"})

    async def topic_nudge(self, event: dict[str, Any]) -> None:
        """Something was committed: look."""
        following = self.following.get(event["topic"])
        if following is not None and not (event["seq"] and event["seq"] <= following.after):
            await self._look([following])

    async def _subscribe(self, name: str, after: object) -> None:
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after < 2**62:
            await self._send({"error": "unreadable", "topic": name})
            return
        if name not in self.following and len(self.following) >= MOST_TOPICS:
            await self._send({"error": "too_many_topics", "topic": name})
            return
        following = Following(name, after)
        try:
            allowed = await database_sync_to_async(following.allowed)(await self._actor())
        except _AWAY:
            allowed = True  # asked again, with the rows, at each sweep
        if not allowed:
            await self._send({"error": "forbidden", "topic": name})
            return
        self.following[name] = following
        await self._hear(name)
        await self._look([following])

    async def _hear(self, name: str) -> None:
        """Join the group of nudges; while Valkey is away the sweep does their work and joins later."""
        try:
            async with asyncio.timeout(2):
                await self.channel_layer.group_add(group_name(name), self.channel_name)
            self.unheard.discard(name)
        except (RedisError, OSError, TimeoutError):
            self.unheard.add(name)

    async def _leave(self, name: str) -> None:
        self.unheard.discard(name)
        if self.following.pop(name, None) is not None:
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self.channel_layer.group_discard(group_name(name), self.channel_name)

    async def _sweep(self) -> None:
        """Every few seconds: rights, and whatever a lost nudge did not tell."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for name in list(self.unheard):
                await self._hear(name)
            if await self._look(list(self.following.values())):
                await self._send({"beat": SWEEP_SECONDS})

    async def _look(self, followings: list[Following]) -> bool:
        """Send what is new in these topics, in order; False when the database could not be asked."""
        async with self.looking:
            try:
                actor = await self._actor()
                if not actor.is_authenticated:
                    await self.close(code=4401)
                    return False
                for following in followings:
                    await self._drain(following, actor)
            except _AWAY:
                return False
        return True

    async def _drain(self, following: Following, actor: Actor) -> None:
        while self.following.get(following.name) is following:
            try:
                rows = await database_sync_to_async(following.pull)(actor)
            except NotAllowed:
                await self._leave(following.name)
                await self._send({"error": "forbidden", "topic": following.name})
                return
            if not rows:
                return
            await self._send({"topic": following.name, "seq": following.after, "rows": rows})
            if following.last:
                return

    async def _actor(self) -> Actor:
        key = self.scope["session"].session_key if "session" in self.scope else None
        actor: Actor = await database_sync_to_async(actor_of_session)(key)
        return actor

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, cls=DjangoJSONEncoder, separators=(",", ":")))
