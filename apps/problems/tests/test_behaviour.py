"""Behaviour tests of a problem: versions that never change, who loosens a critical one, faults at their fields."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import AuditEvent
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.lineage.models import LineageEdge
from apps.problems import contracts, selectors, services
from apps.problems.models import BehaviourTest, BehaviourVersion
from apps.problems.tests.factories import (
    AGE,
    COLOUR,
    PLAIN,
    behaviour_make,
    people,
    problem_accepted,
    problem_draft,
)

pytestmark = pytest.mark.django_db


def test_a_change_makes_a_version_and_the_same_again_makes_none(monkeypatch):
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    heard: list[contracts.ProblemChange] = []
    monkeypatch.setattr(contracts, "_listeners", [heard.append])

    first = behaviour_make(scientist, problem)
    same = behaviour_make(scientist, problem, name=COLOUR["name"].upper())
    second = behaviour_make(scientist, problem, least_share=0.95, reason="Ten rows differ by chance")

    assert (first.number, same.pk, second.number) == (1, first.pk, 2)
    assert [one.pk for one in selectors.behaviour_in_force(problem.pk)] == [second.pk]
    assert selectors.behaviour_words(second) == (
        "With colour: Black becomes White, White becomes Black, at least 95 % of the rows must keep the same answer."
    )
    assert [change.kind for change in heard] == ["BEHAVIOUR_CHANGED", "BEHAVIOUR_CHANGED"]
    edge = LineageEdge.objects.get(subject_id=second.pk)
    assert (edge.relation, edge.object_id) == ("DERIVED_FROM", first.pk)
    entry = AuditEvent.objects.filter(action="behaviour.saved").order_by("-pk")[0]
    assert entry.reason == "Ten rows differ by chance"


def test_what_a_test_said_is_sealed_by_the_database():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    version = behaviour_make(scientist, problem)

    for change in (
        lambda: BehaviourVersion.objects.filter(pk=version.pk).update(definition={}),
        lambda: BehaviourVersion.objects.filter(pk=version.pk).update(critical=True),
        lambda: BehaviourVersion.objects.filter(pk=version.pk).delete(),
        lambda: BehaviourTest.objects.filter(pk=version.test_id).update(name="Another"),
    ):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            change()


def test_once_the_question_is_accepted_only_a_product_owner_loosens_a_critical_test():
    team, scientist, owner = people()
    problem, _ = problem_accepted(scientist, owner, team)
    critical = behaviour_make(scientist, problem, critical=True)
    usual = behaviour_make(scientist, problem, AGE)

    for loosen in (
        lambda: behaviour_make(scientist, problem, critical=True, least_share=0.5),
        lambda: behaviour_make(scientist, problem, critical=False),
        lambda: services.behaviour_archive(actor=scientist, test_id=critical.test_id),
    ):
        with pytest.raises(Forbidden) as error:
            loosen()
        assert error.value.code == "critical_test"
    assert behaviour_make(scientist, problem, AGE, critical=True).number == usual.number + 1
    assert behaviour_make(owner, problem, critical=True, least_share=0.9).number == 2
    services.behaviour_archive(actor=owner, test_id=critical.test_id, reason="Asked elsewhere")
    assert [one.test.name for one in selectors.behaviour_in_force(problem.pk)] == [AGE["name"]]


def test_an_archived_test_is_not_asked_and_comes_back():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    version = behaviour_make(scientist, problem)

    services.behaviour_archive(actor=scientist, test_id=version.test_id)
    services.behaviour_archive(actor=scientist, test_id=version.test_id)

    assert selectors.behaviour_in_force(problem.pk) == []
    assert AuditEvent.objects.filter(action="behaviour.archived").count() == 1
    again = behaviour_make(scientist, problem)
    assert again.pk == version.pk
    assert [one.pk for one in selectors.behaviour_in_force(problem.pk)] == [version.pk]


def test_strangers_viewers_and_archived_problems_are_refused():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    version = behaviour_make(scientist, problem)
    _, stranger, _ = people()

    with pytest.raises(NotFound):
        behaviour_make(stranger, problem)
    with pytest.raises(NotFound):
        services.behaviour_archive(actor=stranger, test_id=version.test_id)
    services.problem_archive(actor=scientist, problem_id=problem.pk)
    with pytest.raises(Conflict):
        behaviour_make(scientist, problem, AGE)


def test_a_draft_that_is_deleted_takes_its_tests_along():
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)
    behaviour_make(scientist, problem)

    services.problem_delete(actor=scientist, problem_id=problem.pk)

    assert not BehaviourTest.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fairway.retention', true)")
        assert cursor.fetchone()[0] == "off"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"why": " "}, "why"),
        ({"kind": "MAGIC"}, "kind"),
        ({"change": []}, "change"),
        ({"change": [{"column": "colour"}]}, "change"),
        ({"change": [{"column": "age", "add": 10**400}]}, "change"),
        ({"change": [{"column": "age\u0000", "add": 1}]}, "change"),
        ({"where": "age >"}, "where"),
        ({"where": "a" * 501}, "where"),
        ({"least_share": 2}, "least_share"),
        ({"tolerance": -1}, "tolerance"),
        ({"direction": "UP"}, "direction"),
        ({"expect": {"label": "Yes"}}, "expect"),
        ({"class": "Yes"}, "class"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(fields, field):
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)

    with pytest.raises(Invalid) as error:
        behaviour_make(scientist, problem, **fields)

    assert set(error.value.fields) == {field}
    assert not BehaviourTest.objects.exists()


def test_a_number_is_answered_with_numbers():
    team, scientist, _ = people()
    problem, _ = problem_draft(
        scientist,
        team,
        task="REGRESSION",
        positive_label="",
        objectives=[{"metric": "mae", "limit": 3}],
        error_costs={"currency": "EUR", "per_unit": 1},
    )

    for test, field in ((COLOUR, "compare"), (PLAIN, "expect")):
        with pytest.raises(Invalid) as error:
            behaviour_make(scientist, problem, test)
        assert set(error.value.fields) == {field}
    assert behaviour_make(scientist, problem, AGE).number == 1


def test_readiness_tells_whether_tests_came_before_the_first_model(monkeypatch):
    team, scientist, _ = people()
    problem, _ = problem_draft(scientist, team)

    advice = selectors.behaviour_readiness(selectors.behaviour_in_force(problem.pk))
    behaviour_make(scientist, problem)
    early = selectors.behaviour_readiness(selectors.behaviour_in_force(problem.pk))
    # What the room of models would say: the moment at which the first test was written.
    moments = BehaviourVersion.objects.filter(test__name=COLOUR["name"]).values("created_at")[:1]
    monkeypatch.setattr(contracts, "_first_model", [lambda problem_id: moments])
    behaviour_make(scientist, problem, AGE)
    late = selectors.behaviour_readiness(selectors.behaviour_in_force(problem.pk))

    assert (advice.tests, advice.ready) == (0, False)
    assert advice.sentence.startswith("No behaviour test is written yet.")
    assert (early.ready, early.modelled) == (True, False)
    assert (late.tests, late.after, late.ready) == (2, 2, False)
    assert "2 of 2 behaviour tests were written or changed after the first model version" in late.sentence
