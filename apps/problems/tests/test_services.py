"""Drafts, review and the life of a problem."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.lineage.models import LineageEdge
from apps.notices.models import Notice
from apps.problems import contracts, selectors, services
from apps.problems.models import Objective, Problem, ProblemVersion, Segment, SegmentVersion
from apps.problems.tests.factories import (
    ARRESTS,
    OBJECTIVES,
    SEGMENTS,
    people,
    problem_accepted,
    problem_draft,
)

pytestmark = pytest.mark.django_db


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


def test_a_submitted_version_is_accepted_by_another_person_and_sealed():
    team, scientist, owner = people()
    problem, version = problem_draft(scientist, team)

    services.problem_submit(actor=scientist, version_id=version.pk)

    problem.refresh_from_db()
    assert problem.state == "IN_REVIEW"
    assert Notice.objects.filter(user_id=owner.id, kind="problem.submitted").count() == 1
    assert [v.pk for v in selectors.versions_waiting(owner, team.pk)] == [version.pk]
    assert not selectors.versions_waiting(scientist, team.pk)

    accepted = services.problem_accept(actor=owner, version_id=version.pk)

    problem.refresh_from_db()
    assert (problem.state, problem.risk_class, accepted.state) == ("ACCEPTED", "HIGH", "SEALED")
    assert selectors.version_current(problem).pk == version.pk
    assert set(SegmentVersion.objects.filter(segment__problem=problem).values_list("state", flat=True)) == {"SEALED"}
    assert Notice.objects.filter(user_id=scientist.id, kind="problem.accepted").count() == 1
    assert set(AuditEvent.objects.filter(problem_id=problem.pk).values_list("action", flat=True)) == {
        "problem.created",
        "problem.version_edited",
        "problem.version_submitted",
        "problem.version_accepted",
    }


def test_who_edited_does_not_accept_and_hears_who_can():
    team, scientist, owner = people()
    other = actor_make(Role.PRODUCT_OWNER, team)
    problem, version = problem_draft(scientist, team, owner_id=owner.id)
    services.problem_version_edit(actor=owner, version_id=version.pk, question="Better words?")
    services.problem_submit(actor=scientist, version_id=version.pk)

    with pytest.raises(Forbidden) as error:
        services.problem_accept(actor=owner, version_id=version.pk)

    assert error.value.code == "editor_accepts"
    assert other.label in error.value.detail
    with pytest.raises(Forbidden):
        services.problem_accept(actor=scientist, version_id=version.pk)
    with pytest.raises(Forbidden):
        services.problem_accept(actor=Actor.system("test"), version_id=version.pk)
    with pytest.raises(Forbidden):
        services.problem_accept(actor=actor_make(Role.ADMINISTRATOR, team), version_id=version.pk)
    services.problem_accept(actor=other, version_id=version.pk)
    problem.refresh_from_db()
    assert problem.state == "ACCEPTED"


def test_who_submitted_does_not_accept():
    team, scientist, owner = people()
    _, version = problem_draft(scientist, team)
    services.problem_submit(actor=owner, version_id=version.pk)

    with pytest.raises(Forbidden, match="administrator can grant"):
        services.problem_accept(actor=owner, version_id=version.pk)


def test_the_database_refuses_an_editor_as_acceptor():
    team, scientist, _ = people()
    _, version = problem_draft(scientist, team)

    with pytest.raises(IntegrityError, match="not accepted by who edited"), transaction.atomic():
        ProblemVersion.objects.filter(pk=version.pk).update(
            state="SEALED", accepted_by_id=scientist.id, accepted_at="2026-01-01T00:00:00Z"
        )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE problems_problemversion SET question = 'other'",
        "UPDATE problems_problemversion SET state = 'DRAFT'",
        "DELETE FROM problems_problemversion_edited_by",
        "DELETE FROM problems_problemversion_segment_versions",
        'UPDATE problems_objective SET "limit" = 99',
        "DELETE FROM problems_objective",
        "UPDATE problems_segmentversion SET expression = 'sex'",
        "UPDATE problems_segmentversion SET state = 'DRAFT'",
        "DELETE FROM problems_segmentversion",
    ],
)
def test_sealed_rows_refuse_sql(sql: str):
    team, scientist, owner = people()
    problem_accepted(scientist, owner, team)

    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_a_sealed_version_takes_no_new_objective():
    team, scientist, owner = people()
    _, version = problem_accepted(scientist, owner, team)

    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        Objective.objects.create(version=version, name="Late", metric="fpr", direction="MINIMISE", limit=1)


def test_a_version_is_returned_with_a_reason():
    team, scientist, owner = people()
    problem, version = problem_draft(scientist, team)
    services.problem_submit(actor=scientist, version_id=version.pk)

    with pytest.raises(Invalid):
        services.problem_return(actor=owner, version_id=version.pk, reason=" ")
    returned = services.problem_return(actor=owner, version_id=version.pk, reason="The costs are guesses.")

    problem.refresh_from_db()
    assert (problem.state, returned.state, returned.returned_reason) == ("DRAFT", "DRAFT", "The costs are guesses.")
    assert Notice.objects.get(user_id=scientist.id, kind="problem.returned").text.endswith("The costs are guesses.")
    with pytest.raises(Conflict):
        services.problem_accept(actor=owner, version_id=version.pk)


def test_a_version_in_review_or_sealed_is_not_edited():
    team, scientist, owner = people()
    _, version = problem_draft(scientist, team)
    services.problem_submit(actor=scientist, version_id=version.pk)

    with pytest.raises(Conflict) as error:
        services.problem_version_edit(actor=scientist, version_id=version.pk, question="x")
    assert error.value.code == "in_review"
    services.problem_accept(actor=owner, version_id=version.pk)
    with pytest.raises(Conflict) as error:
        services.problem_version_edit(actor=scientist, version_id=version.pk, question="x")
    assert error.value.code == "sealed"


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


def test_a_new_version_is_derived_with_its_reason_and_accepted_in_turn():
    team, scientist, owner = people()
    problem, first = problem_accepted(scientist, owner, team)
    services.problem_activate(actor=Actor.system("test"), problem_id=problem.pk)

    second = services.problem_version_new(actor=scientist, problem_id=problem.pk, reason="New law")
    services.problem_version_edit(
        actor=scientist,
        version_id=second.pk,
        decision_mode="HUMAN",
        segments=[*SEGMENTS[1:], {**SEGMENTS[0], "bands": None}],
    )

    assert second.number == 2
    assert [o.name for o in selectors.objective_list(second)] == [o.name for o in selectors.objective_list(first)]
    assert LineageEdge.objects.filter(subject_id=second.pk, object_id=first.pk, relation="DERIVED_FROM").exists()
    with pytest.raises(Conflict):
        services.problem_version_new(actor=scientist, problem_id=problem.pk, reason="Again")
    assert {s.name: s.bands is None for s in selectors.segment_specs(first)}["Age"] is False, "in force until accepted"

    services.problem_submit(actor=scientist, version_id=second.pk)
    services.problem_accept(actor=owner, version_id=second.pk)

    problem.refresh_from_db()
    assert problem.state == "ACTIVE"
    assert selectors.version_current(problem).pk == second.pk
    ages = SegmentVersion.objects.filter(segment__problem=problem, segment__name="Age").order_by("number")
    assert [(a.number, a.state) for a in ages] == [(1, "RETIRED"), (2, "SEALED")]
    first.refresh_from_db()
    assert {s.name: s.bands is None for s in selectors.segment_specs(first)}["Age"] is False, "as it was written"


def test_a_segment_left_out_of_the_next_version_retires_and_may_return():
    team, scientist, owner = people()
    problem, _ = problem_accepted(scientist, owner, team, objectives=OBJECTIVES[:3])
    second = services.problem_version_new(actor=scientist, problem_id=problem.pk, reason="Fewer")
    services.problem_version_edit(actor=scientist, version_id=second.pk, segments=SEGMENTS[:1])
    services.problem_submit(actor=scientist, version_id=second.pk)
    second = services.problem_accept(actor=owner, version_id=second.pk)

    assert [s.name for s in selectors.segment_specs(second)] == ["Age"]
    assert Segment.objects.get(problem=problem, name="Colour").archived_at is not None

    again = services.segment_save(actor=scientist, problem_id=problem.pk, **SEGMENTS[1])
    assert (again.number, again.state) == (2, "SEALED")
    assert [s.name for s in selectors.segment_specs(second)] == ["Age", "Colour"]


def test_after_acceptance_a_performance_segment_is_followed_and_listeners_hear_it(monkeypatch):
    team, scientist, owner = people()
    problem, version = problem_accepted(scientist, owner, team)
    heard: list[contracts.ProblemChange] = []
    monkeypatch.setattr(contracts, "_listeners", [heard.append])

    saved = services.segment_save(
        actor=scientist, problem_id=problem.pk, name="employed", expression="employed == 'Yes'"
    )
    same = services.segment_save(
        actor=scientist, problem_id=problem.pk, name="Employed", expression="employed == 'Yes'"
    )

    assert (saved.number, saved.state, same.pk) == (2, "SEALED", saved.pk)
    assert str(saved.pk) in [s.id for s in selectors.segment_specs(version)]
    assert [change.kind for change in heard] == ["SEGMENTS_CHANGED"]


def test_a_protected_segment_in_force_changes_only_with_the_problem():
    team, scientist, owner = people()
    problem, _ = problem_accepted(scientist, owner, team)

    with pytest.raises(Conflict) as error:
        services.segment_save(actor=scientist, problem_id=problem.pk, name="Age", expression="age > 90")

    assert error.value.code == "protected_segment"


def test_a_segment_saved_while_a_draft_is_open_belongs_to_the_draft():
    team, scientist, _ = people()
    problem, version = problem_draft(scientist, team)

    saved = services.segment_save(
        actor=scientist, problem_id=problem.pk, name="Age", expression="age", bands={"edges": [30]}, purpose="PROTECTED"
    )

    assert (saved.number, saved.state) == (1, "DRAFT")
    assert saved.bands == {"edges": [30.0], "labels": ["under 30", "30 and over"]}
    assert saved in selectors.segments_of(version)


def test_suspend_resume_close_and_archive():
    team, scientist, owner = people()
    problem, _ = problem_accepted(scientist, owner, team)
    services.problem_activate(actor=Actor.system("test"), problem_id=problem.pk)

    with pytest.raises(Conflict):
        services.problem_archive(actor=scientist, problem_id=problem.pk)
    with pytest.raises(Forbidden):
        services.problem_suspend(actor=scientist, problem_id=problem.pk, reason="x")
    assert services.problem_suspend(actor=owner, problem_id=problem.pk, reason="Court order").state == "SUSPENDED"
    assert services.problem_resume(actor=owner, problem_id=problem.pk, reason="Lifted").state == "ACTIVE"
    assert services.problem_close(actor=owner, problem_id=problem.pk, reason="Law changed").state == "CLOSED"
    with pytest.raises(Conflict):
        services.problem_version_new(actor=scientist, problem_id=problem.pk, reason="x")
    services.problem_archive(actor=scientist, problem_id=problem.pk)
    assert not selectors.problem_list(scientist).filter(pk=problem.pk).exists()
    services.problem_restore(actor=scientist, problem_id=problem.pk)
    assert selectors.problem_list(scientist).filter(pk=problem.pk).exists()


def test_only_a_problem_that_was_never_accepted_is_deleted():
    team, scientist, owner = people()
    draft, _ = problem_draft(scientist, team)
    kept, _ = problem_accepted(scientist, owner, team)

    services.problem_delete(actor=scientist, problem_id=draft.pk)

    assert not Problem.objects.filter(pk=draft.pk).exists()
    assert AuditEvent.objects.filter(action="problem.deleted", object_id=str(draft.pk)).exists()
    with pytest.raises(Conflict):
        services.problem_delete(actor=scientist, problem_id=kept.pk)


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
