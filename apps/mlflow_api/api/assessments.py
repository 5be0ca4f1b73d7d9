"""traces/{id}/assessments: feedback on traces and expectations of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.mlflow_api.api.trace_bodies import assessment_draft_of, judgement_of, object_of, texts_by_key
from apps.mlflow_api.door import answer, body_of, text_of
from apps.mlflow_api.trace_shapes import assessment_shape
from apps.traces import selectors, services

_JUDGED = {"expectation", "feedback", "issue"}
_CHANGEABLE = {"assessment_name", "rationale", "metadata", *_JUDGED}


def create(actor: Actor, request: HttpRequest, trace_id: str) -> HttpResponseBase:
    trace = selectors.trace_get(actor, trace_id)
    draft = assessment_draft_of(object_of(body_of(request), "assessment", required=True))
    made = services.assessment_create(actor=actor, trace_id=trace.pk, draft=draft)
    return answer({"assessment": assessment_shape(trace, made)})


def get(actor: Actor, request: HttpRequest, trace_id: str, assessment_id: str) -> HttpResponseBase:
    trace = selectors.trace_get(actor, trace_id)
    return answer({"assessment": assessment_shape(trace, selectors.assessment_get(trace, assessment_id))})


def update(actor: Actor, request: HttpRequest, trace_id: str, assessment_id: str) -> HttpResponseBase:
    """Change what the mask names, as proto JSON writes it: "assessmentName,feedback"."""
    body = body_of(request)
    trace = selectors.trace_get(actor, trace_id)
    row, named = object_of(body, "assessment", required=True), _mask(text_of(body, "update_mask"))
    changes: dict[str, Any] = {}
    if named & _JUDGED:
        kind, value, error = judgement_of({key: row.get(key) for key in named & _JUDGED})
        changes |= {"kind": kind, "value": value, "error": error}
    if "assessment_name" in named:
        changes["name"] = text_of(row, "assessment_name")
    if "rationale" in named:
        changes["rationale"] = text_of(row, "rationale", required=False)
    if "metadata" in named:
        changes["metadata"] = texts_by_key(row, "metadata")
    changed = services.assessment_update(actor=actor, trace_id=trace.pk, assessment_id=assessment_id, **changes)
    return answer({"assessment": assessment_shape(trace, changed)})


def _mask(text: str) -> set[str]:
    """Names of fields in either spelling. Raises Invalid."""
    named = {"assessment_name" if name == "assessmentName" else name for name in text.split(",") if name}
    if named - _CHANGEABLE:
        raise Invalid.field("update_mask", f"Of an assessment change: {', '.join(sorted(_CHANGEABLE))}.")
    return named


def delete(actor: Actor, request: HttpRequest, trace_id: str, assessment_id: str) -> HttpResponseBase:
    trace = selectors.trace_get(actor, trace_id)
    services.assessment_delete(actor=actor, trace_id=trace.pk, assessment_id=assessment_id)
    return answer({})
