"""Drafts: creating a problem, writing a version, beginning the next one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require_verb, require_verb_in
from apps.lineage.services import edge_add
from apps.problems import rules, selectors
from apps.problems.models import Objective, Problem, ProblemVersion
from apps.problems.services.locking import (
    draft_check,
    editor_add,
    open_check,
    problem_lock,
    row_version_check,
    version_lock,
)
from apps.problems.services.segments import definition_of, segments_write
from apps.problems.services.states import problem_rename

DEFAULT_SUPPORT = {"rows": 100, "positives": 15, "negatives": 15}
_COPIED = (
    "question",
    "decision_served",
    "population",
    "unit_of_prediction",
    "task",
    "target",
    "positive_label",
    "owner_id",
    "risk_class",
    "positive_word",
    "negative_word",
    "decision_mode",
    "error_costs",
    "label_delay_days",
    "review_period_days",
    "least_support",
)
_OBJECTIVE = ("position", "name", "dimension", "metric", "direction", "comparison", "scope", "segment")
_OBJECTIVE_ALL = (*_OBJECTIVE, "limit", "weight", "critical", "reason")


@transaction.atomic
def problem_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    objectives: Sequence[Mapping[str, Any]] | None = None,
    segments: Sequence[Mapping[str, Any]] | None = None,
    **draft: Any,
) -> Problem:
    """Register a problem with its first draft; only the name is needed.

    Raises NotFound for a team out of sight, Forbidden, Invalid for a bad field, Conflict for a name that is taken.
    """
    if not accounts.team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    require_verb_in(actor, "problem.edit", team_id)
    clean_name = rules.name_clean(name)
    owners = list(accounts.people_with_verb("problem.accept", team_id)[:2])
    owner_id = draft.get("owner_id") or (owners[0].pk if len(owners) == 1 else None)
    answerable = owner_id or actor.id
    if answerable is None:
        raise Invalid.field("owner_id", "Name the product owner who answers for this problem.")
    _owner_check(answerable, team_id)
    try:
        with transaction.atomic():
            problem = Problem.objects.create(
                team_id=team_id,
                name=clean_name,
                owner_id=answerable,
                created_by_id=actor.id if actor.is_person else None,
                created_by_label=actor.label,
            )
    except IntegrityError as error:
        raise Conflict(
            f"The team has a problem called “{clean_name}” already.",
            code="name_taken",
            fields={"name": ["This name is taken in the team."]},
        ) from error
    version = ProblemVersion.objects.create(
        problem=problem, number=1, owner_id=owner_id, least_support=dict(DEFAULT_SUPPORT)
    )
    audit_record(
        actor=actor, action="problem.created", thing=problem, problem_id=problem.pk, after={"name": clean_name}
    )
    draft.pop("owner_id", None)
    if draft or objectives is not None or segments is not None:
        _write(actor, version, rules.draft_clean(draft), objectives, segments)
    editor_add(version, actor)
    return problem


@transaction.atomic
def problem_version_edit(
    *,
    actor: Actor,
    version_id: uuid.UUID,
    row_version: int | None = None,
    name: str | None = None,
    objectives: Sequence[Mapping[str, Any]] | None = None,
    segments: Sequence[Mapping[str, Any]] | None = None,
    **draft: Any,
) -> ProblemVersion:
    """Change fields of a draft; `objectives` and `segments`, when given, replace the whole list.

    `name` renames the problem itself, whose versions all bear it.

    Raises NotFound, Forbidden, Conflict (stale, in review or sealed), Invalid with every field at fault.
    """
    version = version_lock(actor, version_id)
    require_verb(actor, "problem.edit", version.problem)
    draft_check(version)
    row_version_check(version, row_version)
    if draft.get("owner_id") is not None:
        _owner_check(draft["owner_id"], version.problem.team_id)
    _write(actor, version, draft, objectives, segments)
    if name is not None:
        version.problem = problem_rename(actor=actor, problem_id=version.problem_id, name=name)
    editor_add(version, actor)
    return version


@transaction.atomic
def problem_version_new(*, actor: Actor, problem_id: uuid.UUID, reason: str) -> ProblemVersion:
    """Begin the next version as a copy of the accepted one, with the reason for the change.

    Raises NotFound, Forbidden, Invalid without a reason, Conflict while another version is open or none accepted.
    """
    problem = problem_lock(actor, problem_id)
    require_verb(actor, "problem.edit", problem)
    open_check(problem)
    why = rules.text_clean(reason, "reason", 2000)
    if not why:
        raise Invalid.field("reason", "Say why the problem is to change.")
    current = selectors.version_current(problem)
    if current is None:
        raise Conflict("No version is accepted yet: change the draft instead.", code="nothing_accepted")
    waiting = selectors.version_open(problem)
    if waiting is not None:
        raise Conflict(f"Version {waiting.number} is open already; change that one.", code="version_open")
    version = ProblemVersion.objects.create(
        problem=problem,
        number=number_next(problem, ProblemVersion.objects.filter(problem=problem)),
        reason=why,
        **{field: getattr(current, field) for field in _COPIED},
    )
    version.segment_versions.set(selectors.segments_of(current))
    Objective.objects.bulk_create(
        Objective(version=version, **{field: getattr(old, field) for field in _OBJECTIVE_ALL})
        for old in selectors.objective_list(current)
    )
    editor_add(version, actor)
    edge_add(subject=version, relation="DERIVED_FROM", thing=current, team_id=problem.team_id)
    audit_record(
        actor=actor,
        action="problem.version_begun",
        thing=version,
        team_id=problem.team_id,
        problem_id=problem.pk,
        reason=why,
        after={"number": version.number, "from": current.number},
    )
    return version


def _owner_check(owner_id: Any, team_id: uuid.UUID) -> None:
    if not accounts.people_with_verb("view", team_id).filter(pk=owner_id).exists():
        raise Invalid.field("owner_id", "This person is not in the team.")


def _write(
    actor: Actor,
    version: ProblemVersion,
    draft: Mapping[str, Any],
    objectives: Sequence[Mapping[str, Any]] | None,
    segments: Sequence[Mapping[str, Any]] | None,
) -> None:
    """Check everything first and report all faults together, then write what changed, then audit it."""
    faults = rules.Faults()
    fields: dict[str, Any] = {}
    try:
        fields = rules.draft_clean(draft)
    except Invalid as error:
        faults.take(error)
    wanted_segments: list[dict[str, Any]] | None = None
    if segments is not None:
        try:
            wanted_segments = rules.segments_clean(segments)
        except Invalid as error:
            faults.take(error)
    if wanted_segments is not None:
        names = [s["name"] for s in wanted_segments]
    else:
        names = [s.segment.name for s in selectors.segments_of(version)]
        if segments is not None:
            names = [str(s.get("name", "")) for s in segments]
    task = fields.get("task", version.task)
    kept = objectives if objectives is not None else _objectives_plain(version)
    wanted_objectives: list[dict[str, Any]] = []
    try:
        wanted_objectives = rules.objectives_clean(kept, task=task, segment_names=names)
    except Invalid as error:
        faults.take(error)
    faults.raise_any()

    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for field, value in fields.items():
        old = getattr(version, field)
        if old != value:
            before[field], after[field] = old, value
            setattr(version, field, value)
    if wanted_segments is not None:
        old_segments = {s.segment.name: definition_of(s) for s in selectors.segments_of(version)}
        segments_write(actor=actor, version=version, wanted=wanted_segments)
        new_segments = {s.segment.name: definition_of(s) for s in selectors.segments_of(version)}
        if old_segments != new_segments:
            before["segments"], after["segments"] = old_segments, new_segments
    old_objectives = _objectives_plain(version)
    if objectives is not None and wanted_objectives != old_objectives:
        before["objectives"], after["objectives"] = old_objectives, wanted_objectives
        version.objectives.all().delete()
        Objective.objects.bulk_create(Objective(version=version, **item) for item in wanted_objectives)
    if not after:
        return
    version.row_version += 1
    version.save()
    _problem_follow(version)
    audit_record(
        actor=actor,
        action="problem.version_edited",
        thing=version,
        team_id=version.problem.team_id,
        problem_id=version.problem_id,
        before=before,
        after=after,
    )


def _objectives_plain(version: ProblemVersion) -> list[dict[str, Any]]:
    names = ("name", "metric", "direction", "comparison", "scope", "segment", "limit", "weight", "critical", "reason")
    return [
        {name: getattr(o, name) for name in names} | {"position": index}
        for index, o in enumerate(selectors.objective_list(version))
    ]


def _problem_follow(version: ProblemVersion) -> None:
    """Until a version is accepted, the problem shows the draft's owner and risk class."""
    problem = version.problem
    if ProblemVersion.objects.filter(problem=problem, state=ProblemVersion.State.SEALED).exists():
        return
    problem.owner_id = version.owner_id or problem.owner_id
    problem.risk_class = version.risk_class
    problem.save(update_fields=["owner", "risk_class"])
