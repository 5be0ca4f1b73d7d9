"""Exports of an evaluation: the list with what is being made, asking for one, the file."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.core.blobs import blob_open
from apps.core.errors import Invalid, NotFound
from apps.core.files import file_response
from apps.core.web.views import page
from apps.evaluations import policies, selectors, services
from apps.evaluations.models import Export
from apps.evaluations.web.frame import tab_context
from workers.contracts.exports import FORMATS, HTML, MODEL_CARD, PARQUET, PDF

PART: Final = "exports"
MOST_SHOWN: Final = 50
LONGEST_CARD: Final = 400_000
ABOUT: Final = {
    HTML: ("chart-histogram", "One file for a browser: verdict, charts and tables; needs no network."),
    PDF: ("file-text", "Some A4 pages with the verdict, segments and curves, to print or to file."),
    PARQUET: ("database", "Every group and metric as one long table with types, for analyses."),
    MODEL_CARD: ("book", "The measured part of a model card in Markdown, with Hugging Face’s metadata."),
}
"""Icon and use of each format."""


def formats_shown() -> list[dict[str, str]]:
    """What can be asked for."""
    return [
        {"code": code, "label": kind.label, "icon": ABOUT[code][0], "about": ABOUT[code][1]}
        for code, kind in FORMATS.items()
    ]


@page
@require_GET
def evaluation_exports(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The exports of an evaluation, and its model card as text; the list alone when a page asks for that part."""
    actor = request.actor  # type: ignore[attr-defined]
    evaluation = selectors.evaluation_get(actor, pk)
    exports = list(selectors.export_list(actor, pk).order_by("-id")[:MOST_SHOWN])
    context: dict[str, Any] = {
        "evaluation": evaluation,
        "exports": exports,
        "exports_running": any(one.state == Export.State.RUNNING for one in exports),
        "can_export": policies.export_make(actor, evaluation.team_id),
        "formats": formats_shown(),
    }
    if request.headers.get("HX-Target") == PART:
        response = render(request, "evaluations/_exports.html", context | {"on_evaluation": True})
        response["Vary"] = "HX-Request, HX-Target, Cookie"
        return response
    frame, _, _ = tab_context(request, evaluation, PART)
    return render(request, "evaluations/exports.html", frame | context | {"card": _card(exports)})


def _card(exports: list[Export]) -> str:
    """The text of the newest model card that is ready; empty without one."""
    ready = (one for one in exports if one.format == MODEL_CARD and one.state == Export.State.READY)
    newest = next(ready, None)
    if newest is None:
        return ""
    try:
        with blob_open(newest.sha256) as handle:
            return handle.read(LONGEST_CARD).decode("utf-8", errors="replace")
    except NotFound:
        return ""


@page
@require_POST
def export_create(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for a file: one that is ready is downloaded at once."""
    wanted = request.POST.get("format", "")
    try:
        export, new = services.export_make(actor=request.actor, evaluation_id=pk, format=wanted)  # type: ignore[attr-defined]
    except Invalid as error:
        messages.error(request, error.detail)
        return redirect("evaluation-exports", pk=pk)
    if export.state == Export.State.READY:
        return redirect("evaluation-export-file", pk=pk, export=export.pk)
    label = export.get_format_display()
    messages.success(request, f"{label}: it is being made." if new else f"{label}: it is being made already.")
    return redirect("evaluation-exports", pk=pk)


@page
@require_GET
def export_file(request: HttpRequest, pk: uuid.UUID, export: uuid.UUID) -> FileResponse:
    """The file, as an attachment."""
    found = selectors.export_file(request.actor, pk, export)  # type: ignore[attr-defined]
    return file_response(sha256=found.sha256, size=found.size or 0, name=found.filename)
