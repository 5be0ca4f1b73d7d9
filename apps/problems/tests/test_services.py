"""Drafts: what they take, what they miss, what follows from them."""

from __future__ import annotations

import pytest

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.problems import rules, selectors, services
from apps.problems.tests.factories import (
    ARRESTS,
    people,
    problem_accepted,
    problem_draft,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"scope": "SEGMENTS", "limit": 50}, "scope"),
        ({"comparison": "LIVE", "limit": 5}, "comparison"),
        ({"limit": -1}, "limit"),
        ({"metric": "fact:age", "limit": 1}, "metric"),
    ],
)
def test_a_fact_of_the_model_is_one_number_with_a_limit(more, field):
    with pytest.raises(Invalid) as refused:
        rules.objectives_clean([{"metric": "fact:size", **more}], task="BINARY", segment_names=["Age"])

    assert f"objectives[0].{field}" in refused.value.fields


def test_a_name_is_enough_to_begin():
    team, scientist, owner = people()

    problem = services.problem_create(actor=scientist, team_id=team.pk, name="  Late invoices ")

    version = selectors.version_open(problem)
    assert (problem.name, problem.state, version.number, version.state) == ("Late invoices", "DRAFT", 1, "DRAFT")
    assert version.owner_id == owner.id, "the only product owner is the first guess"
    assert AuditEvent.objects.filter(action="problem.created", object_id=str(problem.pk)).count() == 1


def test_a_name_is_taken_once_per_team():
    team, scientist, _ = people()
    services.problem_create(actor=scientist, team_id=team.pk, name="Late invoices")

    with pytest.raises(Conflict) as error:
        services.problem_create(actor=scientist, team_id=team.pk, name="late INVOICES")

    assert "name" in error.value.fields
    other = team_make()
    services.problem_create(actor=actor_make(Role.DATA_SCIENTIST, other), team_id=other.pk, name="Late invoices")


def test_who_may_not_write():
    team, scientist, _ = people()
    _, version = problem_draft(scientist, team)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())
    viewer = actor_make(Role.VIEWER, team)

    with pytest.raises(NotFound):
        services.problem_create(actor=stranger, team_id=team.pk, name="x")
    with pytest.raises(NotFound):
        services.problem_version_edit(actor=stranger, version_id=version.pk, question="x")
    with pytest.raises(Forbidden):
        services.problem_version_edit(actor=viewer, version_id=version.pk, question="x")
    with pytest.raises(Forbidden):
        services.problem_create(actor=viewer, team_id=team.pk, name="x")


def test_every_fault_of_a_draft_is_reported_at_its_field_and_nothing_is_saved():
    team, scientist, _ = people()
    _, version = problem_draft(scientist, team)

    with pytest.raises(Invalid) as error:
        services.problem_version_edit(
            actor=scientist,
            version_id=version.pk,
            question="Changed?",
            risk_class="EXTREME",
            label_delay_days=-1,
            error_costs={"currency": "eur", "false_positive": -1, "false_negative": 1},
            objectives=[{"metric": "rmse", "limit": 1}, {"metric": "fpr", "limit": 3}],
            segments=[
                {"name": "Age", "expression": "age >="},
                {"name": "Young", "expression": "age", "bands": {"edges": [3, 2]}},
                {"name": "", "expression": "colour"},
            ],
        )

    assert set(error.value.fields) == {
        "risk_class",
        "label_delay_days",
        "error_costs.currency",
        "error_costs.false_positive",
        "objectives[0].metric",
        "objectives[1].limit",
        "segments[0].expression",
        "segments[1].bands",
        "segments[2].name",
    }
    version.refresh_from_db()
    assert version.question == ARRESTS["question"]


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "x" * 2001])
def test_text_that_cannot_be_stored_is_refused(text: str):
    team, scientist, _ = people()
    _, version = problem_draft(scientist, team)

    with pytest.raises(Invalid):
        services.problem_version_edit(actor=scientist, version_id=version.pk, question=text)


def test_an_incomplete_draft_lists_what_is_missing():
    team, scientist, _ = people()
    problem = services.problem_create(actor=scientist, team_id=team.pk, name="Bare")
    version = selectors.version_open(problem)

    with pytest.raises(Conflict) as error:
        services.problem_submit(actor=scientist, version_id=version.pk)

    assert [item["field"] for item in error.value.items] == [
        "question",
        "decision_served",
        "population",
        "unit_of_prediction",
        "target",
        "risk_class",
        "decision_mode",
        "positive_label",
        "positive_word",
        "error_costs.false_positive",
        "label_delay_days",
        "objectives",
        "segments",
    ]
    problem.refresh_from_db()
    assert problem.state == "DRAFT"


@pytest.mark.parametrize(
    ("field", "value", "missing"),
    [
        ("question", "", "question"),
        ("decision_mode", "", "decision_mode"),
        ("risk_class", "", "risk_class"),
        ("population", " ", "population"),
        ("error_costs", {}, "error_costs.false_positive"),
        ("label_delay_days", None, "label_delay_days"),
        ("objectives", [], "objectives"),
        ("objectives", [{"metric": "roc_auc"}], "objectives[0].limit"),
        ("segments", [], "segments"),
    ],
)
def test_each_missing_part_keeps_a_draft_in_draft(field, value, missing):
    team, scientist, _ = people()
    extra = {"objectives": [{"metric": "roc_auc", "limit": 0.6}]} if field == "segments" else {}
    if field == "segments":
        extra["objectives"] = [{"metric": "roc_auc", "limit": 0.6}]
    _, version = problem_draft(scientist, team, **{**extra, field: value})

    with pytest.raises(Conflict) as error:
        services.problem_submit(actor=scientist, version_id=version.pk)

    assert [item["field"] for item in error.value.items] == [missing]


def test_a_stale_edit_is_refused():
    team, scientist, owner = people()
    _, version = problem_draft(scientist, team)
    seen = version.row_version
    services.problem_version_edit(actor=owner, version_id=version.pk, row_version=seen, question="First?")

    with pytest.raises(Conflict) as error:
        services.problem_version_edit(actor=scientist, version_id=version.pk, row_version=seen, question="Second?")

    assert error.value.code == "stale"
    version.refresh_from_db()
    assert version.question == "First?"


def test_facts_that_follow_from_the_costs():
    team, scientist, owner = people()
    _, version = problem_accepted(scientist, owner, team)

    assert selectors.costs_of(version) == {"false_positive": 1200.0, "false_negative": 400.0}
    assert selectors.threshold_of(version) == 0.75
    assert selectors.currency_of(version) == "C$"
    assert selectors.error_words(version).label("fnr") == "Wrongly held"
    assert [selectors.limit_text(o, "C$") for o in selectors.objective_list(version)] == [
        "not worse than live",
        "at least 0.650",
        "live + 5.0 points",
        "at most 10.0 points",
    ]
    specs = {s.name: s for s in selectors.segment_specs(version)}
    assert specs["Age"].protected
    assert specs["Age"].least_support.rows == 100


def test_tasks_other_than_two_classes_can_be_complete():
    team, scientist, _ = people()
    _, many = problem_draft(
        scientist,
        team,
        task="MULTICLASS",
        error_costs={"currency": "EUR", "per_error": 500},
        objectives=[{"metric": "macro_f1", "limit": 0.5}],
    )
    _, number = problem_draft(
        scientist,
        team,
        task="REGRESSION",
        error_costs={"currency": "EUR", "per_unit": 5},
        objectives=[{"metric": "rmse", "limit": 12.5}, {"metric": "mean_error", "limit": 1, "direction": "MINIMISE"}],
    )

    assert selectors.missing_items(many) == []
    assert selectors.missing_items(number) == []
    assert selectors.threshold_of(number) is None
    assert selectors.costs_of(many) == {"per_error": 5.0}
    assert selectors.costs_of(number) == {"per_unit": 0.05}


def test_costs_of_another_task_are_not_those_of_this_one():
    team, scientist, _ = people()
    costs = {"currency": "EUR", "false_positive": 100, "false_negative": 200}
    _, version = problem_draft(scientist, team, task="REGRESSION", error_costs=costs, objectives=[])

    assert selectors.costs_of(version) is None


def test_costs_by_truth_and_prediction_are_whole_units_too():
    team, scientist, _ = people()
    costs = {"currency": "EUR", "matrix": {"a": {"b": 700}}}
    _, version = problem_draft(scientist, team, task="MULTICLASS", error_costs=costs, objectives=[])

    assert selectors.costs_of(version) == {"matrix": {"a": {"b": 7.0}}}


def test_a_gap_between_groups_is_not_submitted_without_a_reason():
    team, scientist, _ = people()
    gap = {"metric": "fnr", "limit": 0.1, "scope": "DISPARITY", "segment": "Colour"}
    _, version = problem_draft(scientist, team, objectives=[gap])

    missing = selectors.missing_items(version)

    assert [item.field for item in missing] == ["objectives[0].reason"]
    with pytest.raises(Conflict):
        services.problem_submit(actor=scientist, version_id=version.pk)
