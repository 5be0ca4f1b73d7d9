"""The signed document that says what the gateway may answer for."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from apps.accounts import selectors as accounts
from apps.deployments.models import Deployment, Rollout, RoutesState, TrafficSplit
from apps.deployments.services.targets import targets_among
from workers.contracts.routes import canonical, routes_sign

# For how long the gateway may go on without hearing from the control plane.
VALID_FOR = timedelta(minutes=5)


def try_token(deployment_id: uuid.UUID) -> str:
    """The secret with which the page's own form asks one deployment; made from the gateway's key, never shown."""
    text = f"try {deployment_id}".encode()
    return "fwt_" + hmac.new(settings.GATEWAY_KEY.encode(), text, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the gateway holds of one deployment, and who answers; all read in one statement."""

    paused: bool
    shares: list[dict[str, Any]]
    rollouts: list[Rollout]


def _wanted() -> dict[uuid.UUID, _Wanted]:
    """{deployment: what the gateway holds}: only what has a standing approval and is sealed (invariant I14).

    State, split and rollouts are read in one statement, so that no swap is seen by half. The choice is made on the
    bare rows, because a history grows; details are read for what was chosen.
    """
    newest = TrafficSplit.objects.filter(deployment=OuterRef("deployment")).order_by("-effective_from", "-id")
    rows = (
        Rollout.objects.filter(request__state="APPROVED", model_version__state="SEALED")
        .exclude(deployment__state=Deployment.State.RETIRED)
        .exclude(state__in=[Rollout.State.FAILED, Rollout.State.WITHDRAWN])
        .annotate(deployment_state=F("deployment__state"), shares=Subquery(newest.values("shares")[:1]))
        .only("deployment_id", "model_version_id", "number", "state", "stopped", "live_at")
        .order_by("deployment_id")
    )
    wanted: dict[uuid.UUID, _Wanted] = {}
    chosen: dict[uuid.UUID, _Wanted] = {}
    for deployment_id, group in groupby(rows, key=lambda row: row.deployment_id):
        found = list(group)
        targets = targets_among(found)
        paused = found[0].deployment_state == Deployment.State.PAUSED
        live = None if paused or targets.live is None else str(targets.live.model_version_id)
        shares = [
            {"version_id": share["version_id"], "basis_points": share["basis_points"]}
            for share in found[0].shares or []
            if share["version_id"] == live
        ]
        wanted[deployment_id] = _Wanted(paused, shares, [])
        chosen |= {row.pk: wanted[deployment_id] for row in targets.warm(paused=paused)}
    for rollout in (
        Rollout.objects.filter(pk__in=list(chosen))
        .select_related("model_version__model", "request__evaluation__problem_version")
        .defer(
            "request__evaluation__report",
            "request__evaluation__findings",
            "request__evidence",
            "model_version__importance",
        )
        .order_by("-number")
    ):
        chosen[rollout.pk].rollouts.append(rollout)
    return wanted


@dataclass(frozen=True, slots=True)
class Routes:
    """The signed document, and a tag that changes with its content and at least once a minute."""

    document: dict[str, Any]
    etag: str


def routes_document(key: bytes) -> Routes:
    """The routes of this moment, signed.

    Read under the lock of one row, so that a later serial never carries an older state; the serial moves only when
    the content does.
    """
    with transaction.atomic():
        RoutesState.objects.get_or_create(pk=1)
        state = RoutesState.objects.select_for_update().get(pk=1)
        entries = _entries()
        digest = hashlib.sha256(canonical({"deployments": entries})).hexdigest()
        if digest != state.digest:
            # The clock keeps the serial growing even when the row was restored from an older backup.
            state.serial = max(state.serial + 1, int(datetime.now(UTC).timestamp() * 1_000_000))
            state.digest = digest
            state.save()
    now = datetime.now(UTC)
    document = {
        "serial": state.serial,
        "issued_at": now.isoformat(),
        "expires_at": (now + VALID_FOR).isoformat(),
        "deployments": entries,
    }
    return Routes(routes_sign(document, key), f'"{digest[:32]}-{int(now.timestamp()) // 60}"')


def _entries() -> list[dict[str, Any]]:
    wanted = _wanted()
    deployments = list(
        Deployment.objects.exclude(state=Deployment.State.RETIRED).select_related("team").order_by("name")
    )
    tokens = {team: accounts.gateway_token_hashes(team) for team in {d.team_id for d in deployments}}
    return [_entry(d, wanted.get(d.pk), tokens[d.team_id]) for d in deployments]


def _entry(deployment: Deployment, wanted: _Wanted | None, tokens: list[str]) -> dict[str, Any]:
    paused = wanted.paused if wanted else deployment.state == Deployment.State.PAUSED
    return {
        "id": str(deployment.pk),
        "name": deployment.name,
        "team": deployment.team.slug,
        "environment": deployment.environment,
        "state": "PAUSED" if paused else "READY",
        "reason": deployment.state_reason if paused else None,
        "splits": wanted.shares if wanted else [],
        "versions": [route_version(rollout) for rollout in wanted.rollouts] if wanted else [],
        "mask": deployment.mask,
        "tokens": [*tokens, hashlib.sha256(try_token(deployment.pk).encode()).hexdigest()],
    }


def route_version(rollout: Rollout) -> dict[str, Any]:
    """What a host is told of a rollout's version; a job that scores a table is told the same."""
    version = rollout.model_version
    return {
        "id": str(version.pk),
        "model": version.model.name,
        "number": version.number,
        "format": version.format,
        "files": [
            {
                "path": row["path"],
                "sha256": row["sha256"],
                "size": row["size"],
                "url": f"/internal/gateway/files/{row['sha256']}",
            }
            for row in version.manifest
        ],
        "signature": version.signature,
        "threshold": version.threshold,
        "task": version.task,
        "classes": version.classes,
        "positive_label": rollout.request.evaluation.problem_version.positive_label or None,
    }


def route_file_size(sha256: str) -> int | None:
    """The size of a file that belongs to a version which the gateway may hold; None for any other."""
    for wanted in _wanted().values():
        for rollout in wanted.rollouts:
            for row in rollout.model_version.manifest:
                if row["sha256"] == sha256:
                    return int(row["size"])
    return None
