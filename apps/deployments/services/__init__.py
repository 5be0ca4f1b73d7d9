"""All writes of deployments, traffic and predictions."""

from apps.deployments.services.asking import prediction_ask
from apps.deployments.services.batches import (
    batch_score_begins,
    batch_score_fail,
    batch_score_finish,
    batch_score_launch,
    batch_score_retry,
)
from apps.deployments.services.health import health_ingest
from apps.deployments.services.mask import mask_save
from apps.deployments.services.predictions import partitions_make, predictions_ingest, predictions_retain
from apps.deployments.services.rollouts import (
    approval_given,
    approval_withdrawn,
    deployment_request,
)
from apps.deployments.services.routes import route_file_size, routes_document
from apps.deployments.services.switches import (
    deployment_kill,
    deployment_pause,
    deployment_resume,
    deployment_retire,
    deployment_rollback,
)
from apps.deployments.services.targets import baseline_of, fallback_of, targets_of

__all__ = [
    "approval_given",
    "approval_withdrawn",
    "baseline_of",
    "batch_score_begins",
    "batch_score_fail",
    "batch_score_finish",
    "batch_score_launch",
    "batch_score_retry",
    "deployment_kill",
    "deployment_pause",
    "deployment_request",
    "deployment_resume",
    "deployment_retire",
    "deployment_rollback",
    "fallback_of",
    "health_ingest",
    "mask_save",
    "partitions_make",
    "prediction_ask",
    "predictions_ingest",
    "predictions_retain",
    "route_file_size",
    "routes_document",
    "targets_of",
]
