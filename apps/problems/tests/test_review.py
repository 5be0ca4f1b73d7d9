"""Review, sealing and the life of a problem."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.lineage.models import LineageEdge
from apps.notices.models import Notice
from apps.problems import selectors, services
from apps.problems.models import Objective, Problem, ProblemVersion, SegmentVersion
from apps.problems.tests.factories import (
    SEGMENTS,
    people,
    problem_accepted,
    problem_draft,
)

pytestmark = pytest.mark.django_db


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
