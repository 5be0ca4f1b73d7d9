"""What a caller did wrong, as an exception that carries its problem-details answer."""

from __future__ import annotations

from typing import Any

from workers.serving.http_server import Response, problem


class Refused(Exception):
    """A request that gets a problem answer instead of a prediction; `log` is the text kept in the prediction
    log.
    """

    def __init__(self, status: int, code: str, detail: str, *, headers: bytes = b"", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.log = code
        self.response = problem(status, code, detail, headers=headers, **more)


class InputRefused(Refused):
    """A 400 that names the field (`field` is "body" when no single one is to blame); values are never repeated."""

    def __init__(self, field: str, detail: str) -> None:
        field = field[:200] or "body"
        super().__init__(400, "invalid-input", detail[:500], field=field)
        self.field = field
        self.log = f"invalid-input: {field}"


def unavailable(code: str, detail: str, *, retry_after: int = 1, **more: Any) -> Response:
    """A 503 that says why and when to try again (seconds)."""
    return problem(503, code, detail, headers=b"retry-after: %d\r\n" % retry_after, **more)
