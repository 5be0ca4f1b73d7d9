"""Liveness and readiness, answered without session, login or host check."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis import Redis


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:  # noqa: BLE001 - any failure is the answer
        return type(error).__name__
    return "ok"


def _broker() -> str:
    try:
        client = Redis.from_url(settings.REDIS_PY_URL, socket_connect_timeout=1, socket_timeout=1)
        try:
            client.ping()
        finally:
            client.close()
    except Exception as error:  # noqa: BLE001 - any failure is the answer
        return type(error).__name__
    return "ok"


class HealthMiddleware:
    """Answers `/health/live` and `/health/ready` before anything that needs the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/health/live":
            return JsonResponse({"status": "ok"})
        if request.path == "/health/ready":
            parts = {"database": _database(), "broker": _broker()}
            ready = all(state == "ok" for state in parts.values())
            response = JsonResponse({"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503)
            if not ready:
                response["Retry-After"] = "2"
            return response
        return self.get_response(request)
