"""Problems for tests, made by the services."""

from __future__ import annotations

import itertools
from typing import Any

from apps.accounts.models import Team
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Actor, Role
from apps.problems import selectors, services
from apps.problems.models import BehaviourVersion, Problem, ProblemVersion

_count = itertools.count(1)

ARRESTS: dict[str, Any] = {
    "question": "Should a person arrested for possession of a small quantity be released or held?",
    "decision_served": "The officer in charge releases with a summons or holds for a bail hearing.",
    "population": "Arrests for possession, Toronto, 1997 to 2002",
    "unit_of_prediction": "one arrest",
    "task": "BINARY",
    "target": "released",
    "positive_label": "Yes",
    "positive_word": "released",
    "negative_word": "held",
    "risk_class": "HIGH",
    "decision_mode": "ASSIST",
    "error_costs": {"currency": "CAD", "false_positive": 120_000, "false_negative": 40_000},
    "label_delay_days": 0,
}
OBJECTIVES: list[dict[str, Any]] = [
    {"metric": "cost_per_100", "comparison": "LIVE", "limit": 0.0},
    {"metric": "roc_auc", "limit": 0.65},
    {"metric": "fnr", "comparison": "LIVE", "limit": 0.05, "scope": "PROTECTED", "critical": True},
    {
        "metric": "fnr",
        "limit": 0.1,
        "scope": "DISPARITY",
        "segment": "Colour",
        "reason": "Who would have appeared is held alike, whatever the colour.",
    },
]
SEGMENTS: list[dict[str, Any]] = [
    {
        "name": "Age",
        "expression": "age",
        "bands": {"edges": [25, 35], "labels": ["under 25", "25 to 34", "35 and over"]},
        "purpose": "PROTECTED",
    },
    {"name": "Colour", "expression": "colour", "purpose": "PROTECTED"},
    {"name": "Employed", "expression": "employed", "purpose": "PERFORMANCE"},
]


def people(team: Team | None = None) -> tuple[Team, Actor, Actor]:
    """A team with a data scientist and a product owner."""
    team = team or team_make()
    return team, actor_make(Role.DATA_SCIENTIST, team), actor_make(Role.PRODUCT_OWNER, team)


def problem_draft(scientist: Actor, team: Team, **fields: Any) -> tuple[Problem, ProblemVersion]:
    """A complete draft."""
    problem = services.problem_create(
        actor=scientist,
        team_id=team.pk,
        name=fields.pop("name", f"Release {next(_count)}"),
        objectives=fields.pop("objectives", OBJECTIVES),
        segments=fields.pop("segments", SEGMENTS),
        **{**ARRESTS, **fields},
    )
    version = selectors.version_open(problem)
    assert version is not None
    return problem, version


def problem_accepted(scientist: Actor, owner: Actor, team: Team, **fields: Any) -> tuple[Problem, ProblemVersion]:
    """A problem whose first version the owner has accepted."""
    problem, version = problem_draft(scientist, team, **fields)
    services.problem_submit(actor=scientist, version_id=version.pk)
    version = services.problem_accept(actor=owner, version_id=version.pk)
    problem.refresh_from_db()
    return problem, version


COLOUR: dict[str, Any] = {
    "name": "Colour alone does not decide",
    "kind": "INVARIANCE",
    "why": "Nobody is held for the colour of their skin.",
    "change": [{"column": "colour", "swap": {"Black": "White", "White": "Black"}}],
    "compare": "LABEL",
    "least_share": 0.99,
}
AGE: dict[str, Any] = {
    "name": "Older is not worse",
    "kind": "DIRECTION",
    "why": "Age speaks for nobody’s guilt.",
    "where": "age >= 18",
    "change": [{"column": "age", "add": 5}],
    "direction": "NOT_DOWN",
    "tolerance": 0.01,
}
PLAIN: dict[str, Any] = {
    "name": "First time and employed",
    "kind": "LEAST_FUNCTION",
    "why": "Nobody would hold these people.",
    "where": "employed == 'Yes' and age > 50",
    "expect": {"label": "Yes"},
    "least_share": 0.9,
}


def behaviour_make(actor: Actor, problem: Problem, test: dict[str, Any] = COLOUR, **fields: Any) -> BehaviourVersion:
    """A behaviour test of a problem."""
    return services.behaviour_save(actor=actor, problem_id=problem.pk, **{**test, **fields})
