"""Which inputs are never stored."""

from __future__ import annotations

import uuid

from django.db import transaction

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.policies import require
from apps.deployments import policies
from apps.deployments.models import Deployment
from apps.deployments.services.traffic import deployment_lock


def mask_save(*, actor: Actor, deployment_id: uuid.UUID, mask: list[str]) -> Deployment:
    """Name the inputs whose values are masked before anything is logged. Raises NotFound, Forbidden, Invalid."""
    with transaction.atomic():
        deployment = deployment_lock(actor, deployment_id)
        require(
            policies.deployment_stop(actor, deployment), "Masking inputs takes a product owner's or operator's role."
        )
        known: set[str] = set()
        for rollout in deployment.rollouts.select_related("model_version"):
            known |= {field["name"] for field in rollout.model_version.signature.get("inputs", [])}
        unknown = sorted(set(mask) - known)
        if unknown:
            raise Invalid.field("mask", f"No version has an input {', '.join(unknown)}.")
        before = {"mask": deployment.mask}
        deployment.mask = sorted(set(mask))
        deployment.row_version += 1
        deployment.save(update_fields=["mask", "row_version"])
        audit_record(
            actor=actor,
            action="deployment.mask",
            thing=deployment,
            problem_id=deployment.problem_id,
            before=before,
            after={"mask": deployment.mask},
        )
    return deployment
