"""The signed document that says what the gateway may answer for."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.accounts import selectors as accounts
from apps.deployments.models import Deployment, Rollout, RoutesState, TrafficSplit
from workers.contracts.routes import canonical, routes_sign

# For how long the gateway may go on without hearing from the control plane.
VALID_FOR = timedelta(minutes=5)


def try_token(deployment_id: uuid.UUID) -> str:
    """The secret with which the page's own form asks one deployment; made from the gateway's key, never shown."""
    text = f"try {deployment_id}".encode()
    return "fwt_" + hmac.new(settings.GATEWAY_KEY.encode(), text, hashlib.sha256).hexdigest()


def _standing() -> list[Rollout]:
    """Rollouts whose approval stands and whose version is sealed: nothing else reaches the gateway (invariant I14)."""
    return list(
        Rollout.objects.filter(
            request__state="APPROVED",
            model_version__state="SEALED",
            deployment__state__in=[
                Deployment.State.PROVISIONING,
                Deployment.State.READY,
                Deployment.State.DEGRADED,
                Deployment.State.PAUSED,
            ],
        )
        .exclude(state__in=[Rollout.State.FAILED, Rollout.State.WITHDRAWN])
        .select_related("deployment", "model_version__model", "request__evaluation__problem_version")
        .defer("request__evaluation__report", "request__evidence")
        .order_by("deployment_id", "-number")
    )


def _wanted(rollouts: list[Rollout]) -> list[Rollout]:
    """Of one deployment: what is live, what is loading, the version to go back to, and the first (for the kill)."""
    wanted: dict[uuid.UUID, Rollout] = {}
    retired = [r for r in rollouts if r.state == Rollout.State.RETIRED and r.live_at]
    for rollout in rollouts:
        if rollout.state in (Rollout.State.LIVE, Rollout.State.LOADING):
            wanted.setdefault(rollout.model_version_id, rollout)
    if rollouts and rollouts[0].deployment.state != Deployment.State.PAUSED:
        for rollout in (*retired[:1], *retired[-1:]):
            wanted.setdefault(rollout.model_version_id, rollout)
    return list(wanted.values())


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
    by_deployment: dict[uuid.UUID, list[Rollout]] = {}
    for rollout in _standing():
        by_deployment.setdefault(rollout.deployment_id, []).append(rollout)
    deployments = list(
        Deployment.objects.exclude(state=Deployment.State.RETIRED).select_related("team").order_by("name")
    )
    splits = {
        split.deployment_id: split
        for split in TrafficSplit.objects.filter(deployment__in=deployments)
        .order_by("deployment_id", "-effective_from", "-id")
        .distinct("deployment_id")
    }
    tokens = {team: accounts.gateway_token_hashes(team) for team in {d.team_id for d in deployments}}
    return [_entry(d, _wanted(by_deployment.get(d.pk, [])), splits.get(d.pk), tokens[d.team_id]) for d in deployments]


def _entry(
    deployment: Deployment, rollouts: list[Rollout], split: TrafficSplit | None, tokens: list[str]
) -> dict[str, Any]:
    live = {str(r.model_version_id) for r in rollouts if r.state == Rollout.State.LIVE}
    shares = [
        {"version_id": share["version_id"], "basis_points": share["basis_points"]}
        for share in (split.shares if split else [])
        if share["version_id"] in live
    ]
    paused = deployment.state == Deployment.State.PAUSED
    return {
        "id": str(deployment.pk),
        "name": deployment.name,
        "team": deployment.team.slug,
        "environment": deployment.environment,
        "state": "PAUSED" if paused else "READY",
        "reason": deployment.state_reason if paused else None,
        "splits": [] if paused else shares,
        "versions": [_version(rollout) for rollout in rollouts],
        "mask": deployment.mask,
        "tokens": [*tokens, hashlib.sha256(try_token(deployment.pk).encode()).hexdigest()],
    }


def _version(rollout: Rollout) -> dict[str, Any]:
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
    by_deployment: dict[uuid.UUID, list[Rollout]] = {}
    for rollout in _standing():
        by_deployment.setdefault(rollout.deployment_id, []).append(rollout)
    for rollouts in by_deployment.values():
        for rollout in _wanted(rollouts):
            for row in rollout.model_version.manifest:
                if row["sha256"] == sha256:
                    return int(row["size"])
    return None
