"""Requests for tests: a complete evaluation and somebody who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from apps.core.actors import Actor
from apps.core.tests.remember import remembered
from apps.evaluations.models import Evaluation
from apps.evaluations.tests.factories import Stage, evaluation_complete, live_set, stage_make
from apps.problems import services as problem_services
from apps.reviews import services
from apps.reviews.models import ApprovalRequest, Decision

PASSING: list[dict[str, Any]] = [{"metric": "roc_auc", "limit": 0.6}]
FAILING: list[dict[str, Any]] = [
    {"metric": "fnr", "comparison": "LIVE", "limit": 0.05, "scope": "PROTECTED", "critical": True}
]


@dataclass
class Scene:
    """A candidate that is evaluated, and the request for it."""

    stage: Stage
    evaluation: Evaluation
    request: ApprovalRequest

    @property
    def scientist(self) -> Actor:
        return self.stage.ground.scientist

    @property
    def owner(self) -> Actor:
        return self.stage.ground.owner


def scene_make(*, failing: bool = False, **fields: Any) -> Scene:
    """An open request; `failing`: a gate stands in the way."""
    scene = _scene_make(failing=failing, **fields)
    live_set(scene.stage.live)
    return scene


@remembered
def _scene_make(*, failing: bool, **fields: Any) -> Scene:
    stage = stage_make(objectives=FAILING if failing else PASSING)
    evaluation = evaluation_complete(stage)
    return Scene(stage, evaluation, request_make(stage, **fields))


def request_make(stage: Stage, actor: Actor | None = None, **fields: Any) -> ApprovalRequest:
    return services.approval_request(
        actor=actor or stage.ground.scientist, model_version_id=stage.candidate.pk, **fields
    )


def decide(scene: Scene, vote: str = "APPROVE", actor: Actor | None = None, **fields: Any) -> Decision:
    values: dict[str, Any] = {
        "reason": "The evidence is clear.",
        "evidence_digest": scene.request.evidence_digest,
        **fields,
    }
    return services.review_decide(actor=actor or scene.owner, request_id=scene.request.pk, vote=vote, **values)


def sealed_change(sql: str, *values) -> None:
    """Change what the database seals, as no code of the product can."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)


def problem_version_new(stage) -> None:
    """A newer accepted version of the problem."""
    ground = stage.ground
    draft = problem_services.problem_version_new(
        actor=ground.scientist, problem_id=ground.problem.pk, reason="Prices rose."
    )
    problem_services.problem_submit(actor=ground.scientist, version_id=draft.pk)
    problem_services.problem_accept(actor=ground.owner, version_id=draft.pk)
