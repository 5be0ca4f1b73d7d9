"""Assessments: feedback on traces and expectations of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.traces.contracts import AssessmentDraft
from apps.traces.models import Assessment, Trace
from apps.traces.selectors import assessment_get
from apps.traces.services.finding import trace_lock
from apps.traces.services.limits import (
    ASSESSMENTS_LIMIT,
    ID_LIMIT,
    NAME_LIMIT,
    TEXT_LIMIT,
    pairs_check,
    text_check,
    value_check,
)

_SPAN = re.compile(r"[0-9a-f]{1,16}")
_ERROR_PARTS = ("error_code", "error_message", "stack_trace")


def assessment_create(*, actor: Actor, trace_id: uuid.UUID, draft: AssessmentDraft) -> Assessment:
    """Judge a trace; one that it overrides is no longer valid. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        return assessment_add(actor, trace_lock(actor, trace_id), draft)


def assessment_add(actor: Actor, trace: Trace, draft: AssessmentDraft) -> Assessment:
    """As `assessment_create`, for a trace that is locked."""
    if trace.assessments.count() >= ASSESSMENTS_LIMIT:
        raise Invalid.field("assessment", f"A trace has at most {ASSESSMENTS_LIMIT} assessments.")
    assessment = Assessment(
        trace=trace,
        name=_name_check(draft.name),
        kind=_one_of("kind", draft.kind, Assessment.Kind.values),
        span=_span_check(draft.span),
        source_type=_one_of("source_type", draft.source_type, Assessment.Source.values),
        source_id=text_check("source_id", draft.source_id, ID_LIMIT),
        value=value_check("value", draft.value),
        error=_error_check(draft.error),
        rationale=text_check("rationale", draft.rationale, TEXT_LIMIT),
        metadata=pairs_check("metadata", draft.metadata),
        overrides=_overridden(trace, draft.overrides),
        created_by_label=actor.label,
        updated_at=timezone.now(),
    )
    assessment.save(force_insert=True)
    _record(actor, "trace.assess", trace, after=_told(assessment))
    return assessment


def assessment_update(
    *,
    actor: Actor,
    trace_id: uuid.UUID,
    assessment_id: str,
    name: str | None = None,
    kind: str | None = None,
    value: Any = None,
    error: Mapping[str, str] | None = None,
    rationale: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Assessment:
    """Change what is given; `value` and `error` count with `kind`, which must be that of the assessment.

    Metadata are added to those there. Raises NotFound, Forbidden, Invalid.
    """
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        assessment = assessment_get(trace, assessment_id)
        before = _told(assessment)
        if name is not None:
            assessment.name = _name_check(name)
        if kind is not None:
            if kind != assessment.kind:
                raise Invalid.field(
                    kind.lower(), f"Cannot update {kind.lower()} value on an assessment of kind {assessment.kind}."
                )
            assessment.value, assessment.error = value_check("value", value), _error_check(error)
        if rationale is not None:
            assessment.rationale = text_check("rationale", rationale, TEXT_LIMIT)
        if metadata is not None:
            assessment.metadata = pairs_check("metadata", {**assessment.metadata, **metadata})
        assessment.updated_at = timezone.now()
        assessment.row_version += 1
        assessment.save()
        _record(actor, "trace.assessment_update", trace, before=before, after=_told(assessment))
    return assessment


def assessment_delete(*, actor: Actor, trace_id: uuid.UUID, assessment_id: str) -> None:
    """Remove a judgement; the one that it overrode is valid again. One that is not there is passed over, as in MLflow.

    Raises NotFound for the trace, Forbidden.
    """
    with transaction.atomic():
        trace = trace_lock(actor, trace_id)
        try:
            assessment = assessment_get(trace, assessment_id)
        except NotFound:
            return
        if assessment.overrides_id is not None:
            Assessment.objects.filter(pk=assessment.overrides_id).update(valid=True)
        before = _told(assessment)
        assessment.delete()
        _record(actor, "trace.assessment_delete", trace, before=before)


def _overridden(trace: Trace, assessment_id: str) -> Assessment | None:
    if not assessment_id:
        return None
    overridden = assessment_get(trace, assessment_id)
    overridden.valid = False
    overridden.save(update_fields=["valid"])
    return overridden


def _name_check(name: str) -> str:
    if not name.strip() or len(name) > NAME_LIMIT:
        raise Invalid.field("assessment_name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    return name


def _span_check(span: str) -> str:
    if span and not _SPAN.fullmatch(span):
        raise Invalid.field("span_id", "The id of a span has at most 16 hexadecimal digits.")
    return span


def _one_of(what: str, value: str, known: list[str]) -> str:
    if value not in known:
        raise Invalid.field(what, f"One of {', '.join(known)}.")
    return value


def _error_check(error: Mapping[str, str] | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {part: str(error[part])[:TEXT_LIMIT] for part in _ERROR_PARTS if error.get(part)}


def _told(assessment: Assessment) -> dict[str, Any]:
    """What the audit entry says: the judgement, never long."""
    return {"name": assessment.name, "kind": assessment.kind, "value": str(assessment.value)[:200]}


def _record(
    actor: Actor,
    action: str,
    trace: Trace,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit_record(actor=actor, action=action, thing=trace, before=before, after=after)
