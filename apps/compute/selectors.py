"""Reading targets: who manages them sees all, others those that one of their teams may use."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db.models import Q, QuerySet

from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.policies import targets_manage
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import NotFound

State = ComputeTarget.State
LOCAL = "local"


def target_list(actor: Actor) -> QuerySet[ComputeTarget]:
    """Targets that were not removed; the caller sorts."""
    rows = ComputeTarget.objects.exclude(state=State.REMOVED)
    if targets_manage(actor):
        return rows
    team_ids = actor.team_ids("view")
    if team_ids is None:
        return rows
    if not team_ids:
        return rows.none()
    chosen = ComputeTarget.teams.through.objects.filter(team_id__in=team_ids)
    return rows.filter(Q(all_teams=True) | Q(pk__in=chosen.values("computetarget_id")))


def target_get(actor: Actor, pk: uuid.UUID) -> ComputeTarget:
    """One target. Raises NotFound."""
    found: ComputeTarget | None = target_list(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such compute target, or you may not see it.")
    return found


def targets_of_team(team_id: uuid.UUID) -> QuerySet[ComputeTarget]:
    """Targets that a team may use and that were not removed, this machine first, then by name."""
    mine = ComputeTarget.teams.through.objects.filter(team_id=team_id).values("computetarget_id")
    rows = ComputeTarget.objects.exclude(state=State.REMOVED).filter(Q(all_teams=True) | Q(pk__in=mine))
    return rows.order_by("-builtin", "name", "id")


def target_choices(team_id: uuid.UUID) -> list[ComputeTarget]:
    """What a launch form offers a team: healthy targets, this machine first."""
    return list(targets_of_team(team_id).filter(state=State.HEALTHY)[:200])


def target_local() -> ComputeTarget:
    """This machine, which every installation has; made where it is missing."""
    found = ComputeTarget.objects.filter(builtin=True).first()
    if found is not None:
        return found
    made, _ = ComputeTarget.objects.get_or_create(
        builtin=True,
        defaults={
            "name": LOCAL,
            "kind": LOCAL,
            "state": State.HEALTHY,
            "description": "The machine that the worker runs on.",
        },
    )
    return made


def target_words(target: ComputeTarget) -> str:
    """A target as a choice: its name, what it has, what an hour costs."""
    words = [f"{target.cores} cores" if target.cores else "", f"{target.gpus} GPUs" if target.gpus else ""]
    if target.memory_bytes:
        words.append(formats.size(target.memory_bytes))
    if target.price_minor is not None:
        words.append(f"{formats.money(target.price_minor, target.currency)} an hour")
    told = ", ".join(word for word in words if word)
    return f"{target.name} ({told})" if told else target.name


def test_get(actor: Actor, pk: uuid.UUID) -> TargetTest:
    """One test of a target that the actor may see. Raises NotFound."""
    found: TargetTest | None = TargetTest.objects.select_related("target").filter(pk=pk).first()
    if found is None or not target_list(actor).filter(pk=found.target_id).exists():
        raise NotFound("There is no such test, or you may not see it.")
    return found


def test_latest(target: ComputeTarget) -> TargetTest | None:
    """The newest test of a target."""
    newest: TargetTest | None = target.tests.order_by("-id").first()
    return newest


def accepts(target: ComputeTarget) -> bool:
    """Does the target take jobs now?"""
    return target.state == State.HEALTHY


def standing(target: ComputeTarget) -> str:
    """Why a target takes no job now, as a sentence; empty when it does."""
    if target.state == State.DRAINED:
        return f"Target {target.name} is drained: it takes no new job until somebody resumes it."
    if target.state == State.DEGRADED:
        return f"Target {target.name} does not answer as it should: {target.state_reason}"
    if target.state == State.UNTESTED:
        return f"Target {target.name} is not tested yet: it takes jobs once a test has passed."
    if target.state == State.REMOVED:
        return f"Target {target.name} was removed."
    return ""


def target_ids(pks: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Those of these that were not removed."""
    return list(ComputeTarget.objects.filter(pk__in=pks).exclude(state=State.REMOVED).values_list("pk", flat=True))
