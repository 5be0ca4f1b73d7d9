"""Behaviour tests: named once, what they say in versions that are sealed from their beginning."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.numbers import number_next
from apps.core.policies import require
from apps.lineage.services import edge_add
from apps.problems import policies, rules, selectors
from apps.problems.behaviour_rules import MAX_TESTS, behaviour_clean
from apps.problems.contracts import ChangeKind, ProblemChange, problem_listeners_tell
from apps.problems.models import BehaviourTest, BehaviourVersion, Problem
from apps.problems.services.locking import open_check, problem_lock

_SAID = ("kind", "why", "critical", "definition")


def _said(version: BehaviourVersion) -> dict[str, Any]:
    return {field: getattr(version, field) for field in _SAID}


@transaction.atomic
def behaviour_save(*, actor: Actor, problem_id: uuid.UUID, reason: str = "", **test: Any) -> BehaviourVersion:
    """Write a test by name: its first version, or the next one; what stands already changes nothing.

    `test` has name, kind, why, critical and the fields of `analysis.contracts.behaviour`. A test that was archived is
    in force again. Once the question is accepted, a critical test in force is changed by a product owner only, so that
    nobody loosens what stands in the way of their own model.
    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    problem = _problem_lock(actor, problem_id)
    open_check(problem)
    wanted = behaviour_clean(test, task=selectors.version_shown(problem).task)
    why = rules.text_clean(reason, "reason", 2000)
    found = BehaviourTest.objects.filter(problem=problem, name__iexact=wanted["name"]).first()
    if found is None:
        if BehaviourTest.objects.filter(problem=problem, archived_at__isnull=True).count() >= MAX_TESTS:
            raise Conflict(f"A problem has at most {MAX_TESTS} behaviour tests; archive one first.", code="too_many")
        found = BehaviourTest.objects.create(
            problem=problem,
            team_id=problem.team_id,
            name=wanted["name"],
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
    newest = found.versions.order_by("-number").first()
    if newest is not None and _said(newest) == {field: wanted[field] for field in _SAID}:
        if found.archived_at is not None:
            _archive(actor, found, archived=False, reason=why)
        return newest
    _critical_check(actor, problem, found, newest)
    saved: BehaviourVersion = BehaviourVersion.objects.create(
        test=found,
        number=number_next(found, BehaviourVersion.objects.filter(test=found)),
        created_by_label=actor.label,
        **{field: wanted[field] for field in _SAID},
    )
    if found.archived_at is not None:
        found.archived_at = None
        found.save(update_fields=["archived_at"])
    if newest is not None:
        edge_add(subject=saved, relation="DERIVED_FROM", thing=newest, team_id=problem.team_id)
    audit_record(
        actor=actor,
        action="behaviour.saved",
        thing=saved,
        team_id=problem.team_id,
        problem_id=problem.pk,
        before=_said(newest) if newest is not None else None,
        after=_said(saved) | {"number": saved.number},
        reason=why,
    )
    _tell(problem, f"Behaviour test “{found.name}” has version {saved.number}.")
    return saved


@transaction.atomic
def behaviour_archive(*, actor: Actor, test_id: uuid.UUID, archived: bool = True, reason: str = "") -> BehaviourVersion:
    """Take a test out of force, or bring it back; its versions stay readable. Gives the newest version.

    Raises NotFound, Forbidden, Invalid, Conflict; a critical test needs a product owner as in `behaviour_save`.
    """
    seen = selectors.behaviour_test_get(actor, test_id)
    problem = _problem_lock(actor, seen.problem_id)
    open_check(problem)
    why = rules.text_clean(reason, "reason", 2000)
    test = BehaviourTest.objects.get(pk=seen.pk)
    newest = test.versions.order_by("-number").select_related("test")[0]
    if (test.archived_at is not None) != archived:
        if archived:
            _critical_check(actor, problem, test, newest)
        _archive(actor, test, archived=archived, reason=why)
        newest.test = test
    return newest


def _problem_lock(actor: Actor, problem_id: uuid.UUID) -> Problem:
    """The problem, locked, for somebody who may write its tests. Raises NotFound, Forbidden."""
    problem = problem_lock(actor, problem_id)
    require(
        policies.behaviour_may_edit(actor, problem),
        "Behaviour tests are written by a data scientist or a product owner of the team.",
    )
    return problem


def _critical_check(actor: Actor, problem: Problem, test: BehaviourTest, newest: BehaviourVersion | None) -> None:
    if newest is None or not newest.critical or test.archived_at is not None:
        return
    require(
        selectors.version_current(problem) is None or policies.critical_may_change(actor, problem),
        f"“{test.name}” is critical and in force: a product owner of the team changes or archives it.",
        code="critical_test",
    )


def _archive(actor: Actor, test: BehaviourTest, *, archived: bool, reason: str) -> None:
    test.archived_at = timezone.now() if archived else None
    test.row_version += 1
    test.save(update_fields=["archived_at", "row_version"])
    audit_record(
        actor=actor,
        action="behaviour.archived" if archived else "behaviour.restored",
        thing=test,
        problem_id=test.problem_id,
        reason=reason,
    )
    _tell(test.problem, f"Behaviour test “{test.name}” was {'archived' if archived else 'brought back'}.")


def _tell(problem: Problem, summary: str) -> None:
    problem_listeners_tell(ProblemChange(ChangeKind.BEHAVIOUR_CHANGED, problem.team_id, problem.pk, summary))
