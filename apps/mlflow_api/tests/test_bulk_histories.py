"""One metric of many runs: whole, or sampled within each run."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from apps.experiments import services
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import points, run_make
from apps.mlflow_api.tests.conftest import Caller, Person, attempt_token

pytestmark = pytest.mark.django_db
AJAX = "/ajax-api/2.0/mlflow/"
INTERVAL = "metrics/get-history-bulk-interval"


def measured(person: Person, values: list[float], key: str = "loss") -> str:
    """The id of a fresh run with these measurements, one a step."""
    run = run_make(person.actor, person.experiment)
    services.metrics_log(actor=person.actor, run_id=run.pk, points=points(key, values))
    return run.pk.hex


def steps_of(body: dict[str, Any], run_id: str) -> list[int]:
    return [row["step"] for row in body.get("metrics", []) if row["run_id"] == run_id]


def test_a_long_history_is_sampled_evenly_with_its_ends(caller: Caller, person: Person):
    long, short = measured(person, [float(n) for n in range(1000)]), measured(person, [1.0, 2.0, 3.0])

    status, body = caller.get(INTERVAL, run_ids=[long, short], metric_key="loss", max_results=11)
    _, within = caller.get(
        INTERVAL,
        run_ids=[long],
        metric_key="loss",
        start_step=10,
        end_step=19,
        max_results=4,
    )
    _, last = caller.get(INTERVAL, run_ids=[long], metric_key="loss", max_results=1)
    _, whole = caller.get(INTERVAL, run_ids=[long], metric_key="loss")

    steps = steps_of(body, long)
    gaps = {after - before for before, after in itertools.pairwise(steps)}
    assert status == 200
    assert (len(steps), steps[0], steps[-1]) == (11, 0, 999)
    assert gaps <= {99, 100}
    assert steps_of(body, short) == [0, 1, 2]
    assert steps_of(within, long) == [10, 13, 16, 19]
    assert steps_of(last, long) == [999]
    assert len(steps_of(whole, long)) == 1000
    assert set(body["metrics"][0]) == {"key", "value", "timestamp", "step", "run_id"}


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_a_sample_is_as_large_as_it_may_be(caller: Caller, person: Person, count: int, limit: int):
    run_id = measured(person, [0.5] * count)

    _, body = caller.get(INTERVAL, run_ids=[run_id], metric_key="loss", max_results=limit)

    steps = steps_of(body, run_id)
    assert len(steps) == min(count, limit)
    assert steps[-1] == count - 1
    assert limit == 1 or steps[0] == 0


def test_many_values_at_one_step_are_sampled_too(caller: Caller, person: Person):
    run = run_make(person.actor, person.experiment)
    many = [MetricPoint("loss", float("nan") if n == 5 else n, 1_700_000_000_000 + n, 0) for n in range(50)]
    services.metrics_log(actor=person.actor, run_id=run.pk, points=many)

    _, body = caller.get(INTERVAL, run_ids=[run.pk.hex], metric_key="loss", max_results=5)

    assert [row["value"] for row in body["metrics"]][::4] == [0.0, 49.0]
    assert len(body["metrics"]) == 5


def test_a_sample_is_spread_over_steps_that_lie_far_apart(caller: Caller, person: Person):
    run = run_make(person.actor, person.experiment)
    steps = [*range(40), -(2**63), 2**63 - 1]
    points = [MetricPoint("loss", 0.5, 1_700_000_000_000, step) for step in steps]
    services.metrics_log(actor=person.actor, run_id=run.pk, points=points)

    _, wide = caller.get(INTERVAL, run_ids=[run.pk.hex], metric_key="loss", max_results=4)
    _, narrow = caller.get(INTERVAL, run_ids=[run.pk.hex], metric_key="loss", max_results=4, start_step=0, end_step=39)

    assert [int(row["step"]) for row in wide["metrics"]] == [-(2**63), 0, 2**63 - 1]
    assert [int(row["step"]) for row in narrow["metrics"]] == [0, 13, 26, 39]


def test_whole_histories_come_run_by_run(person: Person):
    caller = Caller(person, AJAX)
    first, second = measured(person, [1.0, 2.0]), measured(person, [3.0])

    status, body = caller.get("metrics/get-history-bulk", run_id=[second, first], metric_key="loss")
    _, cut = caller.get("metrics/get-history-bulk", run_id=[second, first], metric_key="loss", max_results=2)
    _, none = caller.get("metrics/get-history-bulk", run_id=[first], metric_key="other")

    assert status == 200
    assert [(row["run_id"], row["value"]) for row in body["metrics"]] == [(first, 1.0), (first, 2.0), (second, 3.0)]
    assert len(cut["metrics"]) == 2
    assert none == {"metrics": []}
    assert Caller(person).get("metrics/get-history-bulk", run_id=[first], metric_key="loss")[0] == 501


def test_one_run_of_another_team_ends_the_whole_call(person: Person, stranger: Person):
    mine, theirs = measured(person, [1.0]), measured(stranger, [2.0])
    job = Caller({"Authorization": f"Bearer {attempt_token(person)}"})

    answers = [
        Caller(person).get(INTERVAL, run_ids=[mine, theirs], metric_key="loss"),
        Caller(person, AJAX).get("metrics/get-history-bulk", run_id=[mine, theirs], metric_key="loss"),
        job.get(INTERVAL, run_ids=[mine], metric_key="loss"),
    ]

    assert [(status, body["error_code"]) for status, body in answers] == [(404, "RESOURCE_DOES_NOT_EXIST")] * 3


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"run_ids": ["RUN"]},
        {"run_ids": ["RUN"] * 101, "metric_key": "loss"},
        {"run_ids": ["RUN"], "metric_key": "loss", "max_results": 0},
        {"run_ids": ["RUN"], "metric_key": "loss", "max_results": 2501},
        {"run_ids": ["RUN"], "metric_key": "loss", "max_results": "many"},
        {"run_ids": ["RUN"], "metric_key": "loss", "start_step": 1},
        {"run_ids": ["RUN"], "metric_key": "loss", "start_step": 2, "end_step": 1},
        {"run_ids": ["RUN"], "metric_key": "loss", "start_step": 2**63, "end_step": 2**64},
        {"run_ids": ["no run"], "metric_key": "loss"},
    ],
    ids=range(10),
)
def test_what_cannot_be_asked_is_refused(caller: Caller, person: Person, query: dict[str, Any]):
    if query.get("run_ids", [""])[0] == "RUN":
        query = {**query, "run_ids": [person.run.pk.hex] * len(query["run_ids"])}

    status, body = caller.get(INTERVAL, **query)

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
