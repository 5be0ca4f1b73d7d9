"""One signed POST to one target: pinned to an address that was judged, no redirect, no proxy, an end in time."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from functools import partial

from apps.core.encryption import text_decrypt
from apps.core.errors import Invalid
from apps.webhooks.contracts import Outcome
from apps.webhooks.models import Webhook
from apps.webhooks.targets import Target, addresses_of, target_of

SECRET_PURPOSE = "webhook secret"  # noqa: S105 - a name, not a secret
_STEP_SECONDS = 5.0
_WHOLE_SECONDS = 10.0


# What a failure of the connection means; the first that fits.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "it refuses the connection"),
    (TimeoutError, "it did not answer in time"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (http.client.RemoteDisconnected, "it closed the connection without an answer"),
    (ConnectionError, "the connection broke off"),
    (http.client.HTTPException, "its answer was cut off or is no HTTP"),
)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the name of the host."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=_STEP_SECONDS)
        self._target, self._address = target, address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._target.port), timeout=_STEP_SECONDS)
        if self._target.secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._target.host)


def signature_of(secret: str, delivery_id: str, timestamp: str, body: str) -> str:
    """As MLflow signs: HMAC-SHA256 over id, time and body."""
    digest = hmac.new(secret.encode(), f"{delivery_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def post(webhook: Webhook, *, delivery_id: str, body: str) -> Outcome:
    """Send once and say what came of it; never raises for what the target or its name does."""
    try:
        target = target_of(webhook.url)
        address = addresses_of(target)[0]
        headers = _headers(webhook, target, delivery_id, body)
    except (Invalid, ValueError) as error:
        return Outcome(error=str(error))
    connection = _Pinned(target, address)
    # Each step has its time; this ends a target that sends its answer a byte at a time.
    timer = threading.Timer(_WHOLE_SECONDS, partial(_cut, connection))
    timer.start()
    try:
        connection.request("POST", target.path, body.encode(), headers)
        return Outcome(status=connection.getresponse().status)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Outcome(error=f"The target could not be reached: {_why(error)}.")
    finally:
        timer.cancel()
        connection.close()


def _why(error: Exception) -> str:
    return next((words for kind, words in _CAUSES if isinstance(error, kind)), type(error).__name__)


def _headers(webhook: Webhook, target: Target, delivery_id: str, body: str) -> dict[str, str]:
    timestamp = str(int(time.time()))
    headers = {
        "Host": target.host_header,
        "Content-Type": "application/json",
        "User-Agent": "Fairway",
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": timestamp,
    }
    if webhook.secret:
        secret = text_decrypt(SECRET_PURPOSE, webhook.secret)
        headers["X-MLflow-Signature"] = signature_of(secret, delivery_id, timestamp, body)
    return headers


def _cut(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
