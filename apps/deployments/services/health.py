"""What the gateway says about its host processes, and what follows from it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.deployments.models import Deployment, HostReport, Rollout
from apps.deployments.services.rollouts import rollout_fail
from apps.deployments.services.traffic import deployment_lock, deployment_transition, rollout_live
from apps.registry import services as registry

READY, FAILED, QUARANTINED = "READY", "FAILED", "QUARANTINED"
_LIMIT = 1000


def health_ingest(*, hosts: list[dict[str, Any]], serial: int) -> None:
    """Store the newest report of each host; a loading version that is ready goes live, one that failed is told.

    Raises Invalid when the report is not of the agreed form.
    """
    if len(hosts) > _LIMIT:
        raise Invalid.field("hosts", f"At most {_LIMIT}.")
    now = timezone.now()
    try:
        by_version = {report.version_id: report for report in (_report(host, serial, now) for host in hosts)}
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Invalid.field("hosts", f"A host's report is not of the agreed form: {error}") from error
    reports = list(by_version.values())
    HostReport.objects.bulk_create(
        reports,
        update_conflicts=True,
        unique_fields=["version_id"],
        update_fields=["state", "pid", "rss_bytes", "error", "serial", "at"],
    )
    ready = [report.version_id for report in reports if report.state == READY]
    failed = {report.version_id: report for report in reports if report.state in (FAILED, QUARANTINED)}
    _promote(ready)
    _fail(failed)
    _degrade(set(ready), failed)


def _report(host: dict[str, Any], serial: int, now: datetime) -> HostReport:
    return HostReport(
        version_id=uuid.UUID(str(host["version_id"])),
        state=_text(host.get("state"), 20),
        pid=_whole(host.get("pid"), 2**31),
        rss_bytes=_whole(host.get("rss"), 2**63),
        error=_text(host.get("error"), 2000),
        serial=_whole(serial, 2**63) or 0,
        at=now,
    )


def _text(value: Any, limit: int) -> str:
    """Text as the database takes it: no NUL, no half characters."""
    return str(value or "").encode("utf-8", "replace").decode().replace("\0", "")[:limit]


def _whole(value: Any, below: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise ValueError(f"{str(value)[:40]!r} is no such number")
    return value


def _promote(ready: list[uuid.UUID]) -> None:
    waiting = Rollout.objects.filter(state=Rollout.State.LOADING, model_version_id__in=ready)
    for pk, deployment_id in list(waiting.values_list("pk", "deployment_id")):
        with transaction.atomic():
            system = Actor.system("the gateway")
            deployment = deployment_lock(system, deployment_id)
            rollout = (
                Rollout.objects.select_related("model_version__model", "request")
                .filter(pk=pk, state=Rollout.State.LOADING)
                .first()
            )
            if rollout is None or deployment.state == Deployment.State.RETIRED:
                continue
            try:
                rollout_live(actor=system, deployment=deployment, rollout=rollout, reason=rollout.reason)
            except Conflict as error:
                rollout_fail(deployment=deployment, rollout=rollout, error=error.detail)


def _fail(failed: dict[uuid.UUID, HostReport]) -> None:
    waiting = Rollout.objects.filter(state=Rollout.State.LOADING, model_version_id__in=list(failed))
    for pk, deployment_id in list(waiting.values_list("pk", "deployment_id")):
        with transaction.atomic():
            system = Actor.system("the gateway")
            deployment = deployment_lock(system, deployment_id)
            rollout = (
                Rollout.objects.select_related("model_version__model", "request__requested_by")
                .filter(pk=pk, state=Rollout.State.LOADING)
                .first()
            )
            if rollout is None:
                continue
            report = failed[rollout.model_version_id]
            rollout_fail(deployment=deployment, rollout=rollout, error=report.error or "The host could not load it.")
            if report.state == QUARANTINED:
                registry.version_quarantine(
                    actor=system, version_id=rollout.model_version_id, reason=report.error or "Refused by the host."
                )


def _degrade(ready: set[uuid.UUID], failed: dict[uuid.UUID, HostReport]) -> None:
    """A live version whose host is broken makes its deployment degraded; a host that is well again, ready."""
    live = Rollout.objects.filter(state=Rollout.State.LIVE, model_version_id__in=[*ready, *failed]).values_list(
        "deployment_id", "model_version_id", "deployment__state"
    )
    system = Actor.system("the gateway")
    for deployment_id, version_id, state in list(live):
        if version_id in failed and state == Deployment.State.READY:
            with transaction.atomic():
                deployment = deployment_lock(system, deployment_id)
                if deployment.state == Deployment.State.READY:
                    deployment_transition(
                        actor=system,
                        deployment=deployment,
                        to=Deployment.State.DEGRADED,
                        reason=failed[version_id].error or "The host process does not answer.",
                    )
        elif version_id in ready and state == Deployment.State.DEGRADED:
            with transaction.atomic():
                deployment = deployment_lock(system, deployment_id)
                if deployment.state == Deployment.State.DEGRADED:
                    deployment_transition(
                        actor=system, deployment=deployment, to=Deployment.State.READY, reason="The host answers again."
                    )
