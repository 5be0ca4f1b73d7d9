"""Segments: named once, their meaning in versions; a sealed meaning is never changed, only followed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.numbers import number_next
from apps.core.policies import require
from apps.problems import policies, rules, selectors
from apps.problems.contracts import ChangeKind, ProblemChange, problem_listeners_tell
from apps.problems.models import Problem, ProblemVersion, Segment, SegmentVersion
from apps.problems.services.locking import editor_add, open_check, problem_lock

_DEFINITION = ("expression", "bands", "purpose", "least_support", "legal_note")
_State = SegmentVersion.State
_Purpose = SegmentVersion.Purpose


def definition_of(version: SegmentVersion) -> dict[str, Any]:
    """What a segment version means, as plain values."""
    return {field: getattr(version, field) for field in _DEFINITION}


@transaction.atomic
def segment_save(
    *,
    actor: Actor,
    problem_id: uuid.UUID,
    name: str,
    expression: str,
    bands: Mapping[str, Any] | None = None,
    purpose: str = _Purpose.PERFORMANCE,
    least_support: Mapping[str, int] | None = None,
    legal_note: str = "",
    reason: str = "",
) -> SegmentVersion:
    """Write a segment by name; the same definition again changes nothing.

    With a draft open it becomes part of that draft. Otherwise a new version is sealed at once and listeners are told,
    so that evidence which used the old meaning turns stale. A protected segment that is in force changes only with
    a new version of the problem, because another person has to accept that.
    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    problem = problem_lock(actor, problem_id)
    require(
        policies.segments_may_edit(actor, problem),
        "Segments are written by a data scientist or a product owner of the team.",
    )
    open_check(problem)
    wanted = rules.segment_clean(
        {
            "name": name,
            "expression": expression,
            "bands": bands,
            "purpose": purpose,
            "least_support": least_support,
            "legal_note": legal_note,
        }
    )
    draft = selectors.version_open(problem)
    if draft is not None and draft.state == ProblemVersion.State.IN_REVIEW:
        raise Conflict("A version is in review; return it to draft to change segments.", code="in_review")
    segment, in_force = _segment_find(actor, problem, wanted["name"])
    if draft is not None:
        draft.problem = problem
        member = draft.segment_versions.filter(segment=segment).first()
        saved = _draft_version(draft, segment, member, wanted)
        draft.row_version += 1
        draft.save(update_fields=["row_version"])
        editor_add(draft, actor)
    else:
        saved = _seal_now(problem, segment, in_force, wanted)
    audit_record(
        actor=actor,
        action="segment.saved",
        thing=saved,
        team_id=problem.team_id,
        problem_id=problem.pk,
        before=definition_of(in_force) if in_force else None,
        after=definition_of(saved) | {"number": saved.number},
        reason=rules.text_clean(reason, "reason", 2000),
    )
    return saved


def _segment_find(actor: Actor, problem: Problem, name: str) -> tuple[Segment, SegmentVersion | None]:
    """The segment of that name, made when it is new, and its sealed version in force."""
    segment = Segment.objects.filter(problem=problem, name__iexact=name).first()
    if segment is None:
        segment = Segment.objects.create(
            problem=problem,
            team_id=problem.team_id,
            name=name,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        return segment, None
    if segment.archived_at is not None:
        return segment, None
    return segment, segment.versions.filter(state=_State.SEALED).order_by("-number").first()


def _seal_now(
    problem: Problem, segment: Segment, in_force: SegmentVersion | None, wanted: Mapping[str, Any]
) -> SegmentVersion:
    if in_force is not None:
        if definition_of(in_force) == {field: wanted[field] for field in _DEFINITION}:
            return in_force
        if in_force.purpose == _Purpose.PROTECTED:
            raise Conflict(
                f"“{segment.name}” is protected and in force. Begin a new version of the problem to change it; "
                "another person has to accept that.",
                code="protected_segment",
            )
    saved = _version_new(segment, wanted, state=_State.SEALED)
    segment.versions.filter(state=_State.SEALED).exclude(pk=saved.pk).update(state=_State.RETIRED)
    if segment.archived_at is not None:
        segment.archived_at = None
        segment.save(update_fields=["archived_at"])
    problem_listeners_tell(
        ProblemChange(
            ChangeKind.SEGMENTS_CHANGED,
            problem.team_id,
            problem.pk,
            f"Segment “{segment.name}” has version {saved.number}.",
        )
    )
    return saved


def _version_new(segment: Segment, wanted: Mapping[str, Any], *, state: str) -> SegmentVersion:
    return SegmentVersion.objects.create(
        segment=segment,
        number=number_next(segment, SegmentVersion.objects.filter(segment=segment)),
        state=state,
        **{field: wanted[field] for field in _DEFINITION},
    )


def _draft_version(
    draft: ProblemVersion, segment: Segment, member: SegmentVersion | None, wanted: Mapping[str, Any]
) -> SegmentVersion:
    """The draft's version of a segment: kept when equal, changed in place while a draft, else a new one."""
    definition = {field: wanted[field] for field in _DEFINITION}
    if member is not None and definition_of(member) == definition:
        return member
    if member is not None and member.state == _State.DRAFT:
        for field, value in definition.items():
            setattr(member, field, value)
        member.row_version += 1
        member.save()
        return member
    # Somebody may have taken the segment out of this draft before: its draft version is used again.
    saved = segment.versions.filter(state=_State.DRAFT).first()
    if saved is None:
        saved = _version_new(segment, wanted, state=_State.DRAFT)
    else:
        for field, value in definition.items():
            setattr(saved, field, value)
        saved.save()
    if member is not None:
        draft.segment_versions.remove(member)
    draft.segment_versions.add(saved)
    return saved


def segments_write(*, actor: Actor, version: ProblemVersion, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Make the draft's segments be exactly `wanted` (cleaned definitions); the problem is locked by the caller."""
    members = {m.segment.name.lower(): m for m in version.segment_versions.select_related("segment")}
    for item in wanted:
        segment, _ = _segment_find(actor, version.problem, item["name"])
        _draft_version(version, segment, members.pop(item["name"].lower(), None), item)
    for member in members.values():
        version.segment_versions.remove(member)
        if member.state == _State.DRAFT:
            segment = member.segment
            member.delete()
            if not segment.versions.exists():
                segment.delete()


def segments_seal(version: ProblemVersion) -> None:
    """On acceptance: the version's segments come into force, the meanings and segments it leaves out retire."""
    members = list(version.segment_versions.select_related("segment"))
    ids = [m.pk for m in members]
    SegmentVersion.objects.filter(pk__in=ids, state=_State.DRAFT).update(state=_State.SEALED)
    SegmentVersion.objects.filter(segment__problem_id=version.problem_id, state=_State.SEALED).exclude(
        pk__in=ids
    ).update(state=_State.RETIRED)
    kept = [m.segment_id for m in members]
    Segment.objects.filter(pk__in=kept, archived_at__isnull=False).update(archived_at=None)
    Segment.objects.filter(problem_id=version.problem_id, archived_at__isnull=True).exclude(pk__in=kept).update(
        archived_at=timezone.now()
    )
