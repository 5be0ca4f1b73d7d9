"""Handing out stored files: always an attachment of no particular type, with a policy that lets nothing in it run."""

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
