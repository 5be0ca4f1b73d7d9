"""Handing out stored files: an attachment of no particular type, or a preview; with a policy that lets nothing run."""

from __future__ import annotations

from django.http import FileResponse

from apps.core.blobs import blob_open


def file_response(*, sha256: str, size: int, name: str) -> FileResponse:
    """Stream a blob under a name (its last path part). Raises NotFound when the store has lost it."""
    response = FileResponse(
        blob_open(sha256),
        as_attachment=True,
        filename=name.rsplit("/", 1)[-1],
        content_type="application/octet-stream",
    )
    response["Content-Length"] = str(size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["ETag"] = f'"{sha256}"'
    return response


def picture_response(*, sha256: str, size: int, name: str, media_type: str) -> FileResponse:
    """As `file_response`, for a picture that a page shows; `media_type` is what its bytes say, never its name."""
    response = file_response(sha256=sha256, size=size, name=name)
    response["Content-Type"] = media_type
    return response


def frame_response(*, sha256: str, size: int) -> FileResponse:
    """A page that somebody uploaded, for a frame of ours: no script, no form, no cookie, nothing from elsewhere.

    The policy goes with the answer, so it holds as well when the address is opened by itself.
    """
    response = FileResponse(blob_open(sha256), content_type="text/html; charset=utf-8")
    response["Content-Length"] = str(size)
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'"
    )
    return response
