"""A browser's end of a WebSocket, spoken to the ASGI application without a server between."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator


class Socket(ApplicationCommunicator):
    """One connection to `/ws`."""

    def __init__(self, application: Any, headers: list[tuple[bytes, bytes]]) -> None:
        scope = {"type": "websocket", "path": "/ws", "query_string": b"", "headers": headers, "subprotocols": []}
        super().__init__(application, scope)

    async def connect(self) -> tuple[bool, int]:
        """(True, 0), or (False, the code of the refusal)."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(3)
        return answer["type"] == "websocket.accept", answer.get("code", 0)

    async def tell(self, message: Any) -> None:
        """Send a message: a text as it is, anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hear(self, timeout: float = 8) -> dict[str, Any]:
        """The next message."""
        output = await self.receive_output(timeout)
        assert output["type"] == "websocket.send", output
        told: dict[str, Any] = json.loads(output["text"])
        return told

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(3)
