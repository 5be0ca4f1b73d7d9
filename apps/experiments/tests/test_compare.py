"""Comparing runs: noise of repeats, another baseline, many runs, and what sets one run apart."""

from __future__ import annotations

import math
import statistics

import pytest
from django.urls import reverse

from apps.experiments import services
from apps.experiments.tests.factories import experiment_make, points, run_make, run_measured, scientist
from apps.experiments.tests.test_web import browser, text_of
from apps.experiments.web.noise import repeats_of, spread_of, within_noise

pytestmark = pytest.mark.django_db
KEY = "validation_cost_per_100"


@pytest.fixture
def stage():
    actor, team = scientist()
    return actor, experiment_make(actor, team)


def measured(actor, experiment, name, cost, **params):
    return run_measured(actor, experiment, name=name, cost=cost, params=params)


def compared(actor, runs, **asked):
    query = [("run", str(run.pk)) for run in runs] + list(asked.items())
    return browser(actor).get(reverse("run-compare") + "?" + "&".join(f"{name}={value}" for name, value in query))


def test_noise_is_the_spread_within_repeats(stage):
    actor, experiment = stage
    runs = [
        *(measured(actor, experiment, f"a{n}", cost, depth="3", seed=str(n)) for n, cost in enumerate((100, 104, 108))),
        *(measured(actor, experiment, f"b{n}", cost, depth="5", seed=str(n)) for n, cost in enumerate((90, 96))),
        measured(actor, experiment, "c", 50, depth="9"),
    ]
    groups = repeats_of(runs, {})
    spread = spread_of(KEY, groups)

    assert sorted(len(group) for group in groups) == [2, 3]
    pooled = (2 * statistics.variance([100, 104, 108]) + statistics.variance([90, 96])) / 3
    assert spread == pytest.approx(math.sqrt(pooled))
    assert within_noise(2 * math.sqrt(2) * spread, spread)
    assert not within_noise(12, spread)
    assert not within_noise(0.0, None)

    page = compared(actor, runs)
    [row] = [one for one in page.context["metrics"] if one["words"].key == KEY]
    assert [noise for _, _, noise in row["cells"]] == [False, True, True, True, True, False]
    assert "Noise is the standard deviation within repeats" in text_of(page)


def test_runs_on_other_data_are_no_repeats(stage):
    actor, experiment = stage
    first, second = (measured(actor, experiment, name, 100, depth="3") for name in "ab")

    assert repeats_of([first, second], {first.pk: ["x"], second.pk: ["y"]}) == []
    assert repeats_of([first, second], {first.pk: ["x"], second.pk: ["x"]}) == [[first, second]]


def test_another_run_becomes_the_baseline(stage):
    actor, experiment = stage
    first, second = measured(actor, experiment, "first", 100), measured(actor, experiment, "second", 80)

    page = compared(actor, [first, second], base=second.pk)

    assert page.context["base"] == second
    [row] = [one for one in page.context["metrics"] if one["words"].key == KEY]
    assert [difference for _, difference, _ in row["cells"]] == ["", "+20.0"]


def test_two_hundred_runs_are_rows(stage, django_assert_max_num_queries):
    actor, experiment = stage
    runs = [run_make(actor, experiment, name=f"r{n}", params={"depth": str(n), "kind": "tree"}) for n in range(201)]
    for run in runs[:3]:
        services.metrics_log(actor=actor, run_id=run.pk, points=points("loss", [float(run.params["depth"])]))
    client = browser(actor)
    url = reverse("run-compare") + "?" + "&".join(f"run={run.pk}" for run in runs[:200])
    client.get(url)

    with django_assert_max_num_queries(15):
        page = client.get(url)

    assert len(page.context["rows"]) == 200
    assert [row["key"] for row in page.context["params"]] == ["depth"]
    assert [difference for _, difference, _ in page.context["rows"][2]["metrics"]] == ["+2.00"]
    assert "r199" in text_of(page)
    assert compared(actor, runs).status_code == 400


def test_a_run_says_what_sets_it_apart_from_the_first_of_its_experiment(stage):
    actor, experiment = stage
    first = measured(actor, experiment, "first", 100, depth="3", kind="tree")
    alone = browser(actor).get(reverse("run-difference", args=[first.pk]))
    second = measured(actor, experiment, "second", 80, depth="5", kind="tree")

    page = browser(actor).get(reverse("run-difference", args=[second.pk]))

    assert alone.content == b""
    assert page.context["other"] == first
    assert page.context["params"] == [("depth", "5", "3")]
    [row] = [one for one in page.context["metrics"] if one["words"].key == KEY]
    assert (row["difference"], row["better"]) == ("−20.0", True)


def test_what_a_machine_did_stands_apart(stage):
    actor, experiment = stage
    run = measured(actor, experiment, "one", 100)
    services.metrics_log(
        actor=actor, run_id=run.pk, points=points("system/cpu_utilization_percentage", [10.0, 20.0, 30.0])
    )

    page = browser(actor).get(reverse("run-detail", args=[run.pk]))

    assert [row["words"].label for row in page.context["system"]] == ["Cpu utilization percentage"]
    assert not [row for row in page.context["metrics"] if row["words"].system]
    assert len(page.context["system_charts"]) == 1
