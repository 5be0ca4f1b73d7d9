"""What may not lose its bytes: a live version, an open request, a standing approval (invariant I4)."""

from __future__ import annotations

import uuid

from django.db.models import Q

from apps.core.actors import Actor
from apps.core.blob_references import references_of
from apps.datasets import contracts as data_contracts
from apps.datasets import selectors as datasets
from apps.deployments import selectors as deployments
from apps.experiments import contracts as run_contracts
from apps.experiments import selectors as experiments
from apps.experiments import services as run_services
from apps.lineage import selectors as lineage
from apps.reviews import selectors as reviews

DATA = "datasets.datasetversion"
RUN = "experiments.run"
VERSION = "registry.modelversion"

# Asked on behalf of the invariant, not of a person: what another team has live must stay too.
_ANYBODY = Actor.system("purge guard")


def _vetoes(version_ids: set[uuid.UUID], data_id: uuid.UUID | None) -> list[str]:
    reasons = []
    for rollout in deployments.rollouts_in_traffic(version_ids):
        word = "answers" if rollout.state == "LIVE" else "is being loaded"
        reasons.append(
            f"{rollout.model_version} {word} in the deployment “{rollout.deployment.name}” "
            f"({rollout.deployment.environment}): put another version live, or retire the deployment, first."
        )
    about = Q(model_version_id__in=version_ids)
    if data_id is not None:
        about |= Q(evaluation__dataset_version_id=data_id)
    for request in reviews.request_list(_ANYBODY).filter(about).order_by("id"):
        if request.state in ("OPEN", "STALE"):
            reasons.append(f"{request} on {request.model_version} is not decided: decide or withdraw it first.")
        elif request.state == "APPROVED" and request.model_version.state == "SEALED":
            reasons.append(
                f"{request.model_version} is approved for {request.environment}: withdraw the approval "
                "or archive the version first."
            )
    return reasons


def _versions_from(thing_type: str, thing_id: uuid.UUID) -> set[uuid.UUID]:
    return {n.id for n in lineage.descendants_of(_ANYBODY, thing_type, thing_id) if n.type == VERSION}


def _readers(hashes: list[str], team_id: uuid.UUID) -> list[str]:
    """Open jobs of the team that read or wrote these bytes; those of another team keep the bytes without a word."""
    found = references_of(sorted(set(hashes)))
    jobs = {r.label for refs in found.values() for r in refs if r.key.startswith("jobs.") and r.team_id == team_id}
    return [f"“{label}” needs these bytes now: wait for it, or cancel it." for label in sorted(jobs)]


def data_vetoes(version_id: uuid.UUID) -> list[str]:
    """Why the bytes of a dataset version must stay."""
    version = datasets.dataset_version_get(_ANYBODY, version_id)
    hashes = [sha256 for sha256 in (version.content_digest, version.table_sha256) if sha256]
    return _vetoes(_versions_from(DATA, version_id), version_id) + _readers(hashes, version.team_id)


def run_vetoes(run_id: uuid.UUID) -> list[str]:
    """Why the files of a run must stay."""
    run = experiments.run_get(_ANYBODY, run_id)
    hashes = [file.sha256 for file in run_services.run_files(run_id)]
    return _vetoes(_versions_from(RUN, run_id), None) + _readers(hashes, run.team_id)


def register() -> None:
    """Asked by the rooms below before they remove anything."""
    data_contracts.purge_veto_register(data_vetoes)
    run_contracts.run_purge_veto_register(run_vetoes)
