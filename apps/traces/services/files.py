"""Files of traces: spans that a client keeps in one piece, and attachments of spans."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable

from django.db import transaction

from apps.core.actors import Actor
from apps.core.blobs import blob_hold, blob_write
from apps.core.errors import Conflict, Invalid
from apps.traces.contracts import ATTACHMENTS, SPANS_FILE
from apps.traces.models import TraceFile
from apps.traces.policies import require_trace_write
from apps.traces.selectors import trace_by_id
from apps.traces.services.finding import trace_lock

FILE_LIMIT = 256 * 1024**2
FILES_LIMIT = 1000
_ATTACHMENT = re.compile(rf"{ATTACHMENTS}[A-Za-z0-9][\w.\-]{{0,200}}", re.ASCII)


def _path_check(path: str) -> None:
    if path != SPANS_FILE and (not _ATTACHMENT.fullmatch(path) or ".." in path):
        raise Invalid.field("path", f"A trace has the file {SPANS_FILE} and files below {ATTACHMENTS}.")


def trace_file_store(*, actor: Actor, trace_id: uuid.UUID, path: str, chunks: Iterable[bytes]) -> TraceFile:
    """Stream a file in; one of the same path is replaced. Raises NotFound, Forbidden, Invalid, Conflict, TooLarge."""
    _path_check(path)
    require_trace_write(actor, trace_by_id(actor, trace_id).team_id)
    ref = blob_write(chunks, limit=FILE_LIMIT)
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        blob_hold(ref.sha256)
        file, made = TraceFile.objects.update_or_create(
            trace=trace, path=path, defaults={"sha256": ref.sha256, "size": ref.size}
        )
        if made and trace.files.count() > FILES_LIMIT:
            raise Conflict(f"A trace has at most {FILES_LIMIT} files.", code="too_many")
    return file
