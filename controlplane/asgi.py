"""WebSocket entry point (HTTP is WSGI): nothing else is served here but a sign of life."""

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")
django.setup()

from channels.routing import URLRouter  # noqa: E402 - after the settings are ready
from channels.sessions import SessionMiddlewareStack  # noqa: E402

from controlplane.routing import websocket_urlpatterns  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_sockets = SessionMiddlewareStack(URLRouter(websocket_urlpatterns))
_PATHS = ("/ws", "/ws/")


async def _answer(send: Send, status: int, body: dict[str, Any], content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def _http(scope: Scope, send: Send) -> None:
    if scope["path"] == "/health/live":
        await _answer(send, 200, {"status": "ok"}, "application/json")
        return
    body = {
        "type": "about:blank#not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "Only WebSockets are served here.",
    }
    await _answer(send, 404, body, "application/problem+json")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Sockets on `/ws`; a sign of life; 404 for the rest."""
    if scope["type"] == "websocket" and scope["path"] in _PATHS:
        await _sockets(scope, receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4404})
    elif scope["type"] == "http":
        await _http(scope, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)
