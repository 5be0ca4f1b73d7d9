"""Is it there yet: questions to a server, and waiting with a deadline."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

PAUSE = 0.05


def http_status(url: str, seconds: float = 2.0) -> int:
    """The status with which the server answers a GET; 0 when it does not answer in time."""
    return http_answer(url, seconds)[0]


def http_answer(url: str, seconds: float = 2.0) -> tuple[int, Any]:
    """Status and JSON body (None when it is none) of a GET to this machine; no proxy is asked."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "127.0.0.1", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        body = response.read(65536)
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, None


def port_answers(port: int, host: str = "127.0.0.1", seconds: float = 1.0) -> bool:
    """Whether a server takes connections on this port."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask again until the condition holds. Raises TimeoutError that names what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            raise TimeoutError(f"{what} did not come true within {seconds:g} s")
        time.sleep(PAUSE)
