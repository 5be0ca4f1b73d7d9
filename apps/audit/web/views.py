"""The audit page: entries with filters, the state of the chain, exports."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.audit import selectors
from apps.audit.contracts import TAIL_SECONDS, ChainReport
from apps.audit.exports import export_csv, export_json_lines
from apps.audit.policies import may_verify
from apps.audit.web.tables import ENTRIES, links_attach
from apps.core.actors import Actor
from apps.core.links import link_of
from apps.core.policies import require
from apps.core.tables import table_response
from apps.core.web.views import page


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@require_GET
@page
def audit_list(request: HttpRequest) -> HttpResponseBase:
    return _list(request, None)


@require_POST
@page
def audit_verify(request: HttpRequest) -> HttpResponseBase:
    """Check the whole chain now and show the report above the entries."""
    require(may_verify(_actor(request)), "An administrator or an auditor of the site can check the chain.")
    return _list(request, selectors.audit_verify())


def _list(request: HttpRequest, report: ChainReport | None) -> HttpResponseBase:
    actor = _actor(request)
    table = ENTRIES.bind(request, selectors.audit_visible(actor), prepare=links_attach)
    sequence, _ = selectors.chain_head()
    tail, age = selectors.audit_tail()
    query = request.GET.urlencode()
    export = reverse("audit-export")
    context: dict[str, Any] = {
        "report": report,
        "head": f"{report.last_sequence}:{report.last_hash}" if report else "",
        "head_sequence": sequence,
        "tail_late": age > TAIL_SECONDS,
        "tail_text": f"{tail} entries wait to be sealed, the oldest for {age:.0f} s. Is beat running?",
        "may_verify": may_verify(actor),
        "scope_words": selectors.scope_words(actor),
        "export_json": f"{export}?format=jsonl&{query}",
        "export_csv": f"{export}?format=csv&{query}",
    }
    return table_response(request, table, "audit/audit_list.html", context)


@require_GET
@page
def audit_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    event = selectors.audit_get(_actor(request), pk)
    before, after = event.before or {}, event.after or {}
    names = [*before, *(name for name in after if name not in before)]
    context = {
        "event": event,
        "changes": [(name, before.get(name), after.get(name)) for name in names],
        "object_url": link_of(event.object_type, event.object_id, _actor(request)),
        "nav_key": "audit",
    }
    return render(request, "audit/audit_detail.html", context)


@require_GET
@page
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The filtered entries with their hashes, as CSV or JSON lines, in flat memory."""
    rows = ENTRIES.bind(request, selectors.audit_visible(_actor(request))).filtered
    return export_response(rows, request.GET.get("format", "jsonl"))


def export_response(rows: Any, kind: str) -> StreamingHttpResponse:
    """A download of entries; `kind` is csv or jsonl."""
    if kind == "csv":
        response = StreamingHttpResponse(export_csv(rows), content_type="text/csv; charset=utf-8")
    else:
        kind = "jsonl"
        response = StreamingHttpResponse(export_json_lines(rows), content_type="application/x-ndjson; charset=utf-8")
    name = f"fairway-audit-{timezone.now():%Y%m%d-%H%M}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
