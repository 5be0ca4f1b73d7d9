"""At every instant exactly one split, and it gives everything to one version or nothing to anybody (I13, I14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.errors import Conflict
from apps.deployments import selectors, services
from apps.deployments.models import Deployment, Rollout, TrafficSplit
from apps.deployments.tests.factories import Stage, deployment_of, host_report, rollout_make, stage_make, withdraw

pytestmark = pytest.mark.django_db(transaction=False)
STEPS = ["approve", "ready", "fail", "rollback", "kill", "pause", "resume", "withdraw", "again", "break"]


def step_take(stage: Stage, name: str) -> None:
    """One thing that may happen; what the rules refuse is refused and leaves everything as it was."""
    deployment = Deployment.objects.filter(model=stage.model).first()
    if name == "approve":
        rollout_make(stage)
        return
    if deployment is None:
        return
    loading = Rollout.objects.filter(deployment=deployment, state="LOADING").first()
    live = Rollout.objects.filter(deployment=deployment, state="LIVE").first()
    switch: Any = {
        "rollback": services.deployment_rollback,
        "kill": services.deployment_kill,
        "pause": services.deployment_pause,
        "resume": services.deployment_resume,
    }.get(name)
    try:
        if switch:
            switch(actor=stage.operator, deployment_id=deployment.pk, reason=name)
        elif name == "ready" and loading:
            host_report(loading)
        elif name == "fail" and loading:
            host_report(loading, "FAILED", "no memory")
        elif name == "break" and live:
            host_report(live, "FAILED", "crashed")
        elif name == "withdraw" and (live or loading):
            withdraw(stage, live or loading)
        elif name == "again":
            last = Rollout.objects.filter(deployment=deployment).order_by("-number")[0]
            services.deployment_request(actor=stage.operator, request_id=last.request_id)
    except Conflict:
        pass


def truth_check(stage: Stage) -> None:
    """The newest split, the live rollout and the state say the same."""
    deployment = deployment_of(stage)
    split = TrafficSplit.objects.filter(deployment=deployment).order_by("-effective_from", "-id")[0]
    live = Rollout.objects.filter(deployment=deployment, state="LIVE").select_related("request").first()
    answering = [share["version_id"] for share in split.shares]
    assert answering == ([str(live.model_version_id)] if live else [])
    assert (deployment.state in ("READY", "DEGRADED")) == (live is not None)
    if deployment.state == "PROVISIONING":
        assert Rollout.objects.filter(deployment=deployment, state="LOADING").exists()
    if live:
        assert live.request.state == "APPROVED"
    numbers = list(Rollout.objects.filter(deployment=deployment).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def history_check(steps: list[str]) -> None:
    """Live through the steps, looking after each, and at all the splits in the end."""
    stage = stage_make()
    rollout_make(stage)

    for name in steps:
        step_take(stage, name)
        truth_check(stage)

    deployment = deployment_of(stage)
    splits = list(TrafficSplit.objects.filter(deployment=deployment).order_by("effective_from", "id"))
    assert splits[0].effective_from >= deployment.created_at
    assert len({split.effective_from for split in splits}) == len(splits)
    assert selectors.split_at(deployment, splits[0].effective_from - timedelta(microseconds=1)) is None
    for split in splits:
        assert sum(share["basis_points"] for share in split.shares) in (0, 10_000)
        assert selectors.split_at(deployment, split.effective_from) == split
        assert selectors.split_at(deployment, split.effective_from + timedelta(microseconds=1)).pk is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=14))
def test_any_history_has_one_split_at_every_instant(steps, store):
    with transaction.atomic():  # every history begins with an empty house
        history_check(steps)
        transaction.set_rollback(True)
