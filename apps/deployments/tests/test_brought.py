"""Predictions made elsewhere are never deployed, even under an approval that should not be there."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.core.errors import Conflict
from apps.deployments import services
from apps.deployments.models import Deployment
from apps.deployments.services.rollouts import approval_given
from apps.deployments.tests.factories import Stage, evaluation_make, stage_make
from apps.registry.tests.factories import brought_make
from apps.reviews.models import ApprovalRequest

pytestmark = pytest.mark.django_db


def approved_make(stage: Stage) -> ApprovalRequest:
    """An approval of predictions, which no service gives."""
    version = brought_make(stage.scientist, stage.team, stage.problem)
    return ApprovalRequest.objects.create(
        team=stage.team,
        problem=stage.problem,
        number=1,
        model_version=version,
        evaluation=evaluation_make(stage, version),
        environment="production",
        requested_by_id=stage.scientist.id,
        evidence={},
        evidence_digest="0" * 64,
        due_at=timezone.now(),
        state=ApprovalRequest.State.APPROVED,
    )


def test_an_approval_starts_nothing():
    stage = stage_make()
    request = approved_make(stage)

    with pytest.raises(Conflict) as given:
        approval_given(stage.owner, request)
    with pytest.raises(Conflict) as started:
        services.deployment_request(actor=stage.operator, request_id=request.pk)

    assert given.value.code == "no_model"
    assert "cannot be deployed" in given.value.detail
    assert started.value.code in ("no_model", "not_approved")
    assert not Deployment.objects.exists()
