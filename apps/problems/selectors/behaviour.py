"""Behaviour tests: every version, those in force, how jobs see them, and whether they came before the first model."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, OuterRef, QuerySet, Subquery, Value

from analysis.contracts.behaviour import SCHEMA, BehaviourSpec, behaviour_read, behaviour_sentence
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.problems.contracts import BehaviourReadiness, first_model_source
from apps.problems.models import BehaviourTest, BehaviourVersion, Problem

_ADVICE = (
    "No behaviour test is written yet. One that is written before the first model says what a model must do before "
    "anybody knows what it does."
)


def behaviour_test_get(actor: Actor, pk: uuid.UUID) -> BehaviourTest:
    """One test with its problem. Raises NotFound for what the actor may not see."""
    found: BehaviourTest | None = (
        BehaviourTest.objects.visible_to(actor).select_related("problem").filter(pk=pk).first()
    )
    if found is None:
        raise NotFound("There is no such behaviour test, or you may not see it.")
    return found


def behaviour_list(actor: Actor, problem: Problem) -> QuerySet[BehaviourVersion]:
    """Every version of every test of a problem, newest first per test, with `first_model_at`."""
    rows = BehaviourVersion.objects.filter(test__problem=problem, test__in=BehaviourTest.objects.visible_to(actor))
    return _dated(rows).order_by("test_id", "-number")


def behaviour_version_get(actor: Actor, pk: uuid.UUID) -> BehaviourVersion:
    """One version with `first_model_at`. Raises NotFound for what the actor may not see."""
    found = _dated(BehaviourVersion.objects.filter(pk=pk, test__in=BehaviourTest.objects.visible_to(actor))).first()
    if found is None:
        raise NotFound("There is no such version of a behaviour test, or you may not see it.")
    return found


def behaviour_in_force(problem_id: uuid.UUID) -> list[BehaviourVersion]:
    """The newest version of each test that is not archived, in the order in which tests were begun.

    Whoever asks may see the problem. Each has `first_model_at`: when the problem's first model version was registered,
    None before.
    """
    rows = BehaviourVersion.objects.filter(test__problem_id=problem_id, test__archived_at__isnull=True)
    return list(_dated(rows).order_by("test_id", "-number").distinct("test_id"))


def behaviour_unasked(problem_id: uuid.UUID, asked: QuerySet[Any]) -> list[str]:
    """Names of the tests in force whose newest version is not among `asked` (a queryset of their ids)."""
    rows = BehaviourVersion.objects.filter(test__problem_id=problem_id, test__archived_at__isnull=True)
    newest = rows.order_by("test_id", "-number").distinct("test_id").values("pk")
    left = BehaviourVersion.objects.filter(pk__in=newest).exclude(pk__in=asked)
    return list(left.order_by("test_id").values_list("test__name", flat=True))


def _dated(rows: QuerySet[BehaviourVersion]) -> QuerySet[BehaviourVersion]:
    source = first_model_source()
    moment: Any = Subquery(source(OuterRef("test__problem_id"))) if source else Value(None, DateTimeField(null=True))
    return rows.select_related("test").annotate(first_model_at=moment)


def came_first(version: BehaviourVersion) -> bool:
    """Whether a version of the two selectors above was written before the problem's first model was registered."""
    first: datetime | None = getattr(version, "first_model_at", None)
    return first is None or version.created_at < first


def behaviour_json(version: BehaviourVersion) -> dict[str, Any]:
    """A version in the form of `analysis.contracts.behaviour`."""
    said: dict[str, Any] = {"schema": SCHEMA, "name": version.test.name, "kind": version.kind, "why": version.why}
    return {**said, **version.definition}


def behaviour_spec(version: BehaviourVersion) -> BehaviourSpec:
    """The same, read."""
    return behaviour_read(behaviour_json(version))


def behaviour_words(version: BehaviourVersion) -> str:
    """What a version says, in one sentence."""
    return behaviour_sentence(behaviour_spec(version))


def behaviour_asked(versions: Sequence[BehaviourVersion]) -> list[dict[str, Any]]:
    """Tests as a job's spec holds them."""
    return [
        {"id": str(one.pk), "number": one.number, "critical": one.critical, "test": behaviour_json(one)}
        for one in versions
    ]


def behaviour_readiness(versions: Sequence[BehaviourVersion]) -> BehaviourReadiness:
    """Whether the tests in force were written before the first model, in one plain sentence."""
    count = len(versions)
    if not count:
        return BehaviourReadiness(0, 0, False, _ADVICE)
    modelled = getattr(versions[0], "first_model_at", None) is not None
    after = sum(not came_first(one) for one in versions)
    all_of = {1: "The behaviour test was", 2: "Both behaviour tests were"}.get(
        count, f"All {count} behaviour tests were"
    )
    if not modelled:
        return BehaviourReadiness(count, 0, False, f"{all_of} written before any model: none is registered yet.")
    if not after:
        return BehaviourReadiness(count, 0, True, f"{all_of} written before the first model version was registered.")
    late = (
        "The behaviour test was"
        if count == 1
        else f"{after} of {count} behaviour tests {'was' if after == 1 else 'were'}"
    )
    they = "it" if after == 1 else "they"
    return BehaviourReadiness(
        count,
        after,
        True,
        f"{late} written or changed after the first model version was registered, "
        f"so {they} may follow what a model happens to do.",
    )
