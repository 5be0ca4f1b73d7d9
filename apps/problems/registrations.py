"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.urls import reverse

from apps.core.actors import Actor
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
from apps.lineage.contracts import link_register
from apps.problems import selectors
from apps.problems.models import ProblemVersion


def station_question(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The first buoy: what was agreed, or who has to move."""
    problem = selectors.problem_get(actor, problem_id)
    versions = list(selectors.version_list(problem))
    accepted = next((v for v in versions if v.state == ProblemVersion.State.SEALED), None)
    waiting = next((v for v in versions if v.state != ProblemVersion.State.SEALED), None)
    shown = accepted or waiting or versions[0]
    url = reverse("problem-version-detail", args=[problem.pk, shown.number])
    station = {"key": "question", "name": "Question", "object_label": f"Version {shown.number}", "object_url": url}
    if accepted is not None and accepted.accepted_at is not None:
        tail = f"sealed {accepted.accepted_at:%-d %b}"
        if waiting is not None:
            tail = f"version {waiting.number} {waiting.get_state_display()}"
        return Station(**station, state="accepted", tone="good", ahead=False, wait=tail)
    if shown.state == ProblemVersion.State.IN_REVIEW:
        names = [str(user) for user in selectors.acceptors_of(shown)]
        mine = any(user.pk == actor.id for user in selectors.acceptors_of(shown)) if actor.id else False
        who = "you" if mine else (names[0] if names else "a product owner")
        return Station(
            **station,
            state="in review",
            tone="info",
            here=True,
            ahead=False,
            wait=f"{who[:1].upper()}{who[1:]} can accept it",
            say=f"Version {shown.number} waits for {'your' if mine else who + chr(8217) + 's'} acceptance.",
            say_more="Training begins once the question is agreed.",
        )
    missing = len(selectors.missing_items(shown))
    may = actor.can("problem.edit", problem.team_id)
    return Station(
        **station,
        state="draft",
        tone="none",
        here=True,
        ahead=False,
        wait=f"{missing} to fill in" if missing else "ready to send",
        say="The question is being written." if missing else "The question can be sent for acceptance.",
        say_more=f"{missing} thing{'s are' if missing != 1 else ' is'} missing." if missing else "",
        action_label="Continue writing" if may and missing else "",
        action_url=reverse("problem-edit", args=[problem.pk]) if may and missing else "",
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


def _version_url(pk: uuid.UUID) -> str:
    version = ProblemVersion.objects.filter(pk=pk).values("problem_id", "number").first()
    return reverse("problem-version-detail", args=[version["problem_id"], version["number"]]) if version else ""


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
    link_register("problems.problemversion", _version_url, word="problem version")
    command_register(Command("Register a problem", "problem-create", icon="compass", visible=_may_create))
