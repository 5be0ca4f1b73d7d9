"""Batch scores as worker and child make them."""

from __future__ import annotations

import uuid
from typing import Any

from apps.core.actors import Actor
from apps.core.blobs import blob_write
from apps.datasets.models import DatasetVersion
from apps.deployments import services
from apps.deployments.models import BatchScore, Rollout
from apps.deployments.tests.factories import Stage, live_make, version_make
from apps.jobs import services as jobs
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited, first_make
from workers.contracts.scoring import CSV, PARQUET

CONTENT = b"PAR1 and so on"
SHOWN = b"row,label\n0,No\n"


def scoring_make(stage: Stage, *, threshold: float | None = 0.5) -> Rollout:
    """A version that answers and reads columns of the stage's table."""
    types = {"INTEGER": "INT64", "NUMBER": "FP64", "STRING": "BYTES", "BOOLEAN": "BOOL"}
    read = [one for one in stage.data.schema if one["role"] == "FEATURE" and one["type"] in types]
    inputs = [{"name": one["name"], "datatype": types[one["type"]], "required": False, "levels": None} for one in read]
    assert inputs
    return live_make(stage, version_make(stage, signature={"inputs": inputs, "outputs": []}, threshold=threshold))


def launch(stage: Stage, rollout: Rollout, actor: Actor | None = None, **more: Any) -> BatchScore:
    given = {"dataset_version_id": stage.data.pk, **more}
    return services.batch_score_launch(actor=actor or stage.scientist, deployment_id=rollout.deployment_id, **given)


def told(rows: int, refused: int = 0) -> dict[str, Any]:
    """What a child says of a table of so many rows."""
    scored = rows - refused
    return {
        "scored": scored,
        "refused": refused,
        "refusals": [{"row": row, "field": "age", "why": '"age" has no value.'} for row in range(min(refused, 100))],
        "seconds": 2.5,
        "labels": [["No", scored - 1], ["Yes", 1]],
        "of": "probability:Yes",
        "edges": [0.0, 0.5, 1.0],
        "counts": [scored - 1, 1],
    }


def begin(batch: BatchScore) -> Any:
    """Claim and start the job's next attempt, as a worker does."""
    job = Job.objects.get(pk=batch.job_id)
    first_make(job)
    claim, _ = claim_make(job)
    jobs.attempt_started(claim=claim, handle=f"/nowhere/{uuid.uuid4()}")
    return claim


def end(batch: BatchScore, claim: Any, *, result: Any = None, files: bool = True, code: int = 0) -> Job:
    """What the child left, and the end of its process."""
    attempt = JobAttempt.objects.get(pk=claim.attempt_id)
    table, shown = blob_write([CONTENT]), blob_write([SHOWN])
    if files:
        attempt.outputs = {
            PARQUET: {"sha256": table.sha256, "size": table.size},
            CSV: {"sha256": shown.sha256, "size": shown.size},
        }
    attempt.result = result if result is not None else {"score": told(rows_of(batch.dataset_version))}
    attempt.save()
    job = jobs.job_finish(claim=claim, status=exited(code))
    batch.refresh_from_db()
    return job


def complete(stage: Stage, rollout: Rollout, *, refused: int = 0) -> BatchScore:
    batch = launch(stage, rollout)
    end(batch, begin(batch), result={"score": told(rows_of(stage.data), refused)})
    assert batch.state == BatchScore.State.COMPLETE
    return batch


def rows_of(data: DatasetVersion) -> int:
    assert data.row_count is not None
    return data.row_count
