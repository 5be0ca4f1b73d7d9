"""Files of traces: spans that a client sends in one piece, and attachments of spans."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterable
from functools import partial

from django.db import transaction

from apps.core.actors import Actor
from apps.core.blobs import blob_chunks, blob_hold, blob_release, blob_write
from apps.core.errors import Conflict, FairwayError, Invalid
from apps.traces.contracts import ATTACHMENTS, SCHEMA_KEY, SPANS_FILE
from apps.traces.models import Trace, TraceFile
from apps.traces.policies import require_trace_write
from apps.traces.selectors import spans_complete, trace_by_id
from apps.traces.services.finding import trace_lock
from apps.traces.services.spans import spans_store
from apps.traces.spans_file import spans_in

FILE_LIMIT = 256 * 1024**2
FILES_LIMIT = 1000
# A larger file of spans stays a file.
READ_LIMIT = 8 * 1024**2
_ATTACHMENT = re.compile(rf"{ATTACHMENTS}[A-Za-z0-9][\w.\-]{{0,200}}", re.ASCII)


def _path_check(path: str) -> None:
    if path != SPANS_FILE and (not _ATTACHMENT.fullmatch(path) or ".." in path):
        raise Invalid.field("path", f"A trace has the file {SPANS_FILE} and files below {ATTACHMENTS}.")


def trace_file_store(*, actor: Actor, trace_id: uuid.UUID, path: str, chunks: Iterable[bytes]) -> None:
    """Stream a file in; one of the same path is replaced. Spans in it become rows as far as they fit.

    Then the file goes again, unless its client is one that reads spans from it alone. Raises NotFound, Forbidden,
    Invalid, Conflict, TooLarge.
    """
    _path_check(path)
    team_id = trace_by_id(actor, trace_id).team_id
    require_trace_write(actor, team_id)
    ref = blob_write(chunks, limit=FILE_LIMIT, team_id=team_id)
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        blob_hold(ref.sha256, team_id=team_id)
        _, made = TraceFile.objects.update_or_create(
            trace=trace, path=path, defaults={"sha256": ref.sha256, "size": ref.size}
        )
        if made and trace.files.count() > FILES_LIMIT:
            raise Conflict(f"A trace has at most {FILES_LIMIT} files.", code="too_many")
    if path == SPANS_FILE:
        if ref.size <= READ_LIMIT and not spans_complete(trace):
            _spans_read(actor, trace, ref.sha256)
        _spans_file_drop(actor, trace_id)


def _spans_read(actor: Actor, trace: Trace, sha256: str) -> None:
    """Keep the spans of a file as rows; what is no file of spans, or too large for rows, stays a file."""
    with contextlib.suppress(ValueError, FairwayError):
        drafts = spans_in(trace.key, b"".join(blob_chunks(sha256)))
        spans_store(actor=actor, experiment_id=trace.experiment_id, drafts=drafts)


def _spans_file_drop(actor: Actor, trace_id: uuid.UUID) -> None:
    """Remove the file of spans that are all kept as rows; clients of MLflow 2 read nothing but the file."""
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        if not spans_complete(trace) or not trace.metadata.get(SCHEMA_KEY, "").startswith("3"):
            return
        for file in trace.files.filter(path=SPANS_FILE):
            file.delete()
            transaction.on_commit(partial(blob_release, file.sha256))
