"""Segments: meanings in versions, sealed, followed and told."""

from __future__ import annotations

import pytest

from apps.core.errors import Conflict
from apps.problems import contracts, selectors, services
from apps.problems.models import Segment
from apps.problems.tests.factories import (
    OBJECTIVES,
    SEGMENTS,
    people,
    problem_accepted,
    problem_draft,
)

pytestmark = pytest.mark.django_db


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
