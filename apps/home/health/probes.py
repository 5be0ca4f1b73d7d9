"""Asking the parts that are no rows: each answers within two seconds, or is said not to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import httpx
from redis import Redis
from redis.exceptions import RedisError

SECONDS = 2.0


def http_probe(url: str) -> str:
    """ "ok", "answers <status>", or "no answer"."""
    try:
        status = httpx.get(url, timeout=SECONDS, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return "no answer"
    return "ok" if status == 200 else f"answers {status}"


def port_probe(host: str, port: int) -> str:
    """ "ok" when something listens there, else "no answer"."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return "ok"
    except OSError:
        return "no answer"


def broker_probe(url: str, queues: Sequence[str]) -> dict[str, Any]:
    """{"health", "version", "queues": {name: how many messages} or None}."""
    if not url:
        return {"health": "no address", "version": "", "queues": None}
    client = Redis.from_url(
        url.replace("redis+socket://", "unix://"), socket_timeout=SECONDS, socket_connect_timeout=SECONDS
    )
    try:
        info: dict[str, Any] = client.info("server")
        depths = {name: int(client.llen(name)) for name in queues}
    except (RedisError, OSError) as error:
        return {"health": type(error).__name__, "version": "", "queues": None}
    finally:
        client.close()
    return {"health": "ok", "version": info.get("valkey_version") or info.get("redis_version", ""), "queues": depths}
