"""Files of an evaluation: the stored numbers in full, never rounded."""

from __future__ import annotations

import csv
import io
import json
import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from analysis.report import csv_text
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.models import Evaluation


def file_response(evaluation: Evaluation, part: str, kind: str, content: str) -> HttpResponse:
    """A file of the evaluation, named after it."""
    response = HttpResponse(content, content_type={"csv": "text/csv; charset=utf-8", "json": "application/json"}[kind])
    name = f"evaluation-{evaluation.number}-{part}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@page
@require_GET
def report_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One line for each group and metric; a text that a spreadsheet would take for a formula is set off."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    return file_response(evaluation, "report", "csv", csv_text(selectors.report_of(evaluation)))


@page
@require_GET
def report_json(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The report as it is stored."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    selectors.report_of(evaluation)
    return file_response(evaluation, "report", "json", json.dumps(evaluation.report, sort_keys=True, indent=1))


@page
@require_GET
def curves_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every point of the curves of one group, for both versions."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    key = request.GET.get("key") or "overall"
    curves = selectors.curves_of(evaluation, selectors.report_of(evaluation), key)
    if not curves[0]:
        raise NotFound("The report holds no curves of this group.")
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["version", "curve", "threshold_or_n", "x", "y", "low", "high"])
    names = (evaluation.model_version.number, getattr(evaluation.baseline_version, "number", ""))
    for number, side in zip(names, curves, strict=True):
        for name in ("roc", "pr"):
            curve = (side or {}).get(name) or {}
            for at, x, y in zip(curve.get("threshold") or [], curve.get("x") or [], curve.get("y") or [], strict=False):
                writer.writerow([number, name, repr(at), repr(x), repr(y), "", ""])
        points = (side or {}).get("calibration") or {}
        for index, score in enumerate(points.get("score") or []):
            ends = [repr(points[end][index]) if points.get(end) else "" for end in ("low", "high")]
            writer.writerow(
                [number, "calibration", points["n"][index], repr(score), repr(points["rate"][index]), *ends]
            )
    return file_response(evaluation, "curves", "csv", buffer.getvalue())
