"""WebSocket addresses: `/ws` on the live port, and the same path behind a proxy."""

from django.urls import path

from apps.live.consumer import LiveConsumer

websocket_urlpatterns = [path("ws", LiveConsumer.as_asgi()), path("ws/", LiveConsumer.as_asgi())]
