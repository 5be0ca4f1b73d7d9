"""metrics/get-history-bulk*: one metric of many runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.experiments import selectors
from apps.mlflow_api.api.paging import texts_of
from apps.mlflow_api.door import Source, answer, args_of, run_id_of, text_of, whole_of
from apps.mlflow_api.shapes import metric_shape

if TYPE_CHECKING:
    from apps.experiments.models import Metric

RUNS_PER_CALL = 100
POINTS_PER_RUN = 2_500
POINTS_PER_CALL = 25_000


def _runs_of(actor: Actor, source: Source, name: str, call: str) -> list[uuid.UUID]:
    """The runs that a call names, all of them seen by the actor. Raises Invalid, NotFound."""
    texts = texts_of(source, name)
    if not texts:
        raise Invalid.field(name, f"{call} request must specify at least one {name.removesuffix('s')}.")
    if len(texts) > RUNS_PER_CALL:
        raise Invalid.field(
            name, f"{call} request cannot specify more than {RUNS_PER_CALL} run_ids. Received {len(texts)} run_ids."
        )
    ids = [run_id_of(text) for text in texts]
    selectors.runs_get(actor, ids)
    return ids


def _shapes(metrics: Iterable[Metric | selectors.Point]) -> list[dict[str, Any]]:
    return [{**metric_shape(metric), "run_id": metric.run_id.hex} for metric in metrics]


def interval(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Sampled histories, each of at most `max_results` points, within a range of steps where one is given."""
    source = args_of(request)
    ids = _runs_of(actor, source, "run_ids", "GetMetricHistoryBulkInterval")
    key, limit = text_of(source, "metric_key"), whole_of(source, "max_results", POINTS_PER_RUN)
    if not 1 <= limit <= POINTS_PER_RUN:
        raise Invalid.field("max_results", f"max_results must be between 1 and {POINTS_PER_RUN}.")
    steps = selectors.EVERY_STEP
    given = [name for name in ("start_step", "end_step") if source.get(name) not in (None, "")]
    if len(given) == 1:
        raise Invalid.field(given[0], "If either start step or end step are specified, both must be specified.")
    if given:
        steps = whole_of(source, "start_step"), whole_of(source, "end_step")
        if steps[0] > steps[1]:
            raise Invalid.field(
                "end_step",
                f"end_step must be greater than start_step. Found start_step={steps[0]} and end_step={steps[1]}.",
            )
    shapes = _shapes(selectors.metric_history_sampled(ids, key, limit=limit, steps=steps))
    return answer({"metrics": shapes} if shapes else {})


def bulk(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Whole histories, run by run, as many points as one answer holds."""
    source = args_of(request)
    ids = _runs_of(actor, source, "run_id", "GetMetricHistoryBulk")
    limit = min(whole_of(source, "max_results", POINTS_PER_CALL), POINTS_PER_CALL)
    if limit < 1:
        raise Invalid.field("max_results", f"max_results must be between 1 and {POINTS_PER_CALL}.")
    return answer({"metrics": _shapes(selectors.metric_histories(ids, text_of(source, "metric_key"), limit=limit))})
