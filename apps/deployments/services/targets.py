"""Which earlier versions may take over: pure choices over the rollouts of one deployment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.deployments.models import Deployment, Rollout


@dataclass(frozen=True, slots=True)
class Targets:
    """Of one deployment: what answers, what is on its way, where a rollback leads, where the kill switch leads."""

    live: Rollout | None
    loading: Rollout | None
    fallback: Rollout | None
    baseline: Rollout | None

    def warm(self, *, paused: bool) -> list[Rollout]:
        """What the gateway keeps in memory, each version once (invariant I16); while paused, nothing waits warm."""
        earlier = () if paused else (self.fallback, self.baseline)
        found: dict[object, Rollout] = {}
        for rollout in (self.live, self.loading, *earlier):
            if rollout is not None:
                found.setdefault(rollout.model_version_id, rollout)
        return list(found.values())


def targets_among(rollouts: Iterable[Rollout]) -> Targets:
    """`rollouts` are those of one deployment whose approval stands and whose version is sealed.

    A version counts by its newest rollout that was live. One that a person took out of traffic (rollback, kill
    switch) is no target until somebody starts it again: nothing puts it back by itself.
    """
    rows = sorted(rollouts, key=lambda rollout: rollout.number, reverse=True)
    live = next((row for row in rows if row.state == Rollout.State.LIVE), None)
    loading = next((row for row in rows if row.state == Rollout.State.LOADING), None)
    earlier = _earlier(rows, live)
    by_time = sorted(earlier, key=lambda row: (row.live_at, row.number))
    return Targets(live, loading, by_time[-1] if by_time else None, by_time[0] if by_time else None)


def _earlier(rows: Sequence[Rollout], live: Rollout | None) -> list[Rollout]:
    newest: dict[object, Rollout] = {}
    for row in rows:
        if row.live_at is not None:
            newest.setdefault(row.model_version_id, row)
    return [
        row
        for version_id, row in newest.items()
        if row.state == Rollout.State.RETIRED
        and not row.stopped
        and (live is None or version_id != live.model_version_id)
    ]


def standing(deployment: Deployment) -> list[Rollout]:
    """The rollouts of a deployment whose approval stands and whose version is sealed."""
    return list(
        Rollout.objects.filter(deployment=deployment, request__state="APPROVED", model_version__state="SEALED")
        .select_related("model_version__model", "request")
        .defer("request__evidence", "model_version__manifest", "model_version__importance")
    )


def targets_of(deployment: Deployment, *, known: Iterable[Rollout] | None = None) -> Targets:
    """As `targets_among`, for a deployment in the database, or for all of its rollouts when they are known."""
    if known is None:
        return targets_among(standing(deployment))
    return targets_among(
        row for row in known if row.request.state == "APPROVED" and row.model_version.state == "SEALED"
    )


def fallback_of(deployment: Deployment) -> Rollout | None:
    """Where a rollback leads: the version that was live before, still approved and kept warm (invariant I16)."""
    return targets_of(deployment).fallback


def baseline_of(deployment: Deployment) -> Rollout | None:
    """Where the kill switch leads: the first version that was live and whose approval still stands."""
    return targets_of(deployment).baseline
