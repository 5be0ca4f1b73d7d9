"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from functools import partial

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.links import link_register
from apps.core.registries import (
    Command,
    Hit,
    HomeItem,
    NavEntry,
    Station,
    command_register,
    navigation_register,
    search_register,
    station_register,
    waiting_register,
)
from apps.problems import selectors
from apps.problems.models import BehaviourTest, BehaviourVersion, ProblemVersion


def station_question(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The first buoy: what was agreed, or who has to move."""
    versions = selectors.versions_told(actor, problem_id)
    accepted = next((v for v in versions if v.state == ProblemVersion.State.SEALED), None)
    waiting = next((v for v in versions if v.state != ProblemVersion.State.SEALED), None)
    shown = accepted or versions[0]
    station = partial(
        Station,
        key="question",
        name="Question",
        object_label=f"Version {shown.number}",
        object_url=reverse("problem-version-detail", args=[problem_id, shown.number]),
        ahead=False,
    )
    if accepted is not None and accepted.accepted_at is not None:
        tail = f"sealed {accepted.accepted_at:%-d %b}"
        if waiting is not None:
            tail = f"version {waiting.number} {waiting.get_state_display()}"
        return station(state="accepted", tone="good", wait=tail)
    if shown.state == ProblemVersion.State.IN_REVIEW:
        people = selectors.acceptors_of(shown)
        mine = any(user.pk == actor.id for user in people)
        who = "you" if mine else (str(people[0]) if people else "a product owner")
        whose = "your" if mine else f"{who}’s"
        return station(
            state="in review",
            tone="info",
            here=True,
            wait=f"{who[:1].upper()}{who[1:]} can accept it",
            say=f"Version {shown.number} waits for {whose} acceptance.",
            say_more="Training begins once the question is agreed.",
        )
    return station(
        state="draft",
        here=True,
        wait="not sent yet",
        say="The question is being written.",
        say_more="Another person accepts it, then work begins.",
    )


def search_problems(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    """Problems by name."""
    for problem in selectors.problem_list(actor, text=text)[:limit]:
        yield Hit(
            kind="Problem",
            label=problem.name,
            detail=f"{problem.get_state_display()}, {problem.team}",
            url=reverse("problem-detail", args=[problem.pk]),
            icon="compass",
        )


def waiting_problems(actor: Actor, team_id: uuid.UUID | None) -> Iterable[HomeItem]:
    """Versions that this person may accept."""
    for version in selectors.versions_waiting(actor, team_id)[:20]:
        yield HomeItem(
            title=f"Accept version {version.number} of {version.problem.name}",
            url=reverse("problem-version-detail", args=[version.problem_id, version.number]),
            text="Work on the question begins once you agree with it.",
            tone="info",
            at=version.created_at,
            meta=("problem",),
            action_label="Look at it",
        )


def _version_links(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    rows = ProblemVersion.objects.filter(pk__in=pks).values_list("pk", "problem_id", "number")
    return {pk: reverse("problem-version-detail", args=[problem_id, number]) for pk, problem_id, number in rows}


def _behaviour_links(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    rows = BehaviourVersion.objects.filter(pk__in=pks).values_list("pk", "test__problem_id")
    return {pk: reverse("problem-behaviour-list", args=[problem_id]) for pk, problem_id in rows}


def _test_links(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    rows = BehaviourTest.objects.filter(pk__in=pks).values_list("pk", "problem_id")
    return {pk: reverse("problem-behaviour-list", args=[problem_id]) for pk, problem_id in rows}


def _may_create(actor: Actor) -> bool:
    teams = actor.team_ids("problem.edit")
    return teams is None or bool(teams)


def register() -> None:
    """Navigation, station, search, inbox and command."""
    navigation_register(
        NavEntry(key="problems", label="Problems", icon="compass", url_name="problem-list", order=20, shortcut="p")
    )
    station_register("question", station_question)
    search_register("problems", search_problems)
    waiting_register("problems", waiting_problems)
    link_register("problems.problemversion", _version_links, word="problem version")
    link_register("problems.behaviourversion", _behaviour_links, word="behaviour test version")
    link_register("problems.behaviourtest", _test_links, word="behaviour test")
    command_register(Command("Register a problem", "problem-create", icon="compass", visible=_may_create))
