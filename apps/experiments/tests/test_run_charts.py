"""Charts over the runs of a table, their state in the address, and the pulse that makes a page look again."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from apps.core.topics import topic_find
from apps.experiments import selectors, services
from apps.experiments.models import Run
from apps.experiments.tests.factories import experiment_make, points, run_make, run_measured, scientist
from apps.experiments.tests.test_web import _painted, browser, text_of
from apps.experiments.web.run_charts import smoothed

pytestmark = pytest.mark.django_db


@pytest.fixture
def data():
    """Twenty runs whose cost rises with their depth."""
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    for n in range(20):
        params = {"depth": str(n % 7), "kind": "ab"[n % 2], "rate": f"{n / 100}"}
        run_measured(actor, experiment, name=f"try {n}", cost=100.0 + 10 * (n % 7), params=params)
    return actor, team, experiment


def test_charts_show_what_the_filters_leave(data):
    go = pytest.importorskip("plotly.graph_objects")
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])
    query = {"show": "charts", "metric": "validation_cost_per_100", "filter": "params.kind = 'a'"}

    page = browser(actor).get(path, query)
    shown = page.context["charts_shown"]

    assert shown.sampled == 10
    assert [chart.key for chart in shown.charts] == ["scatter", "importance", "box", "parallel"]
    assert "depth says most" in shown.charts[1].title
    for chart in shown.charts:
        go.Figure(_painted({key: chart.figure[key] for key in ("data", "layout")}))
        assert all(len(row) == len(chart.columns) for row in chart.rows)


def test_a_scatter_sets_a_metric_against_another_or_a_param_that_is_a_number(data):
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])
    query = {"show": "charts", "metric": "validation_cost_per_100", "across": "p.depth"}
    run_measured(actor, experiment, name="odd", cost=1.0, params={"depth": "deep", "kind": "a"})

    shown = browser(actor).get(path, query).context["charts_shown"]
    scatter = next(chart for chart in shown.charts if chart.key == "scatter")
    points = scatter.figure["data"][0]

    assert {one.code for one in shown.acrosses} >= {"m.validation_log_loss", "p.depth", "p.rate"}
    assert "p.kind" not in {one.code for one in shown.acrosses}
    assert scatter.columns == ["Run", "depth", "Cost per 100, validation"]
    assert len(scatter.rows) == 20
    assert sorted(set(zip(points["x"], points["y"], strict=True))) == [(n, 100.0 + 10 * n) for n in range(7)]


def test_curves_are_of_the_first_runs_of_the_table_and_of_the_pinned_one(data):
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])
    pinned = experiment.runs.get(name="try 9")
    query = {"show": "charts", "metric": "validation_log_loss", "sort": "name", "baseline": pinned.pk}

    plain = browser(actor).get(path, query).context["charts_shown"].charts[0]
    changed = browser(actor).get(path, {**query, "smooth": "9", "axis": "time", "logy": "1"})
    drawn = changed.context["charts_shown"].charts[0]

    assert plain.key == "curves"
    assert plain.rows[0][0] == "1 try 9"
    assert len(plain.rows) == 13
    assert len(drawn.figure["data"]) == 26
    assert drawn.figure["layout"]["yaxis"]["type"] == "log"
    assert drawn.figure["layout"]["xaxis"]["title"].startswith("minutes")


@pytest.mark.parametrize(
    "query",
    [
        {"metric": "nonsense"},
        {"across": "p.nothing"},
        {"by": "x", "smooth": "77"},
        {"filter": ">>"},
        {"filter": "params.kind = 'z'"},
    ],
)
def test_any_address_of_charts_is_answered(data, query):
    actor, _, experiment = data

    answer = browser(actor).get(reverse("experiment-detail", args=[experiment.pk]), {"show": "charts", **query})

    assert answer.status_code == 200


def test_a_thinned_curve_keeps_every_extreme_and_both_ends(data):
    actor, _, experiment = data
    run = run_make(actor, experiment)
    draw = random.Random(1)
    values = [draw.gauss(0, 1) for _ in range(3000)]
    values[1234], values[1777], values[500] = 99.0, -99.0, math.nan
    services.metrics_log(actor=actor, run_id=run.pk, points=points("spiky", values))

    curve = selectors.metric_curves_of([run.pk], "spiky", points=100)[run.pk]

    assert len(curve) <= 102
    assert (max(p.value for p in curve), min(p.value for p in curve)) == (99.0, -99.0)
    assert (curve[0].step, curve[-1].step) == (0, 2999)
    assert [p.step for p in curve] == sorted(p.step for p in curve)


def test_smoothing_starts_at_the_first_value_and_stays_between_the_extremes():
    values = [5.0, 1.0, 9.0, math.inf, 2.0]

    found = smoothed(values, 0.9)

    assert found[0] == pytest.approx(5.0)
    assert found[3] == math.inf
    assert all(1.0 <= value <= 9.0 for value in found if math.isfinite(value))
    assert smoothed([], 0.9) == []


def test_the_pulse_changes_with_new_runs_and_with_what_running_ones_measure(data):
    actor, _, experiment = data
    topic, key = topic_find(f"experiment.{experiment.pk}")

    def now() -> tuple[str, int]:
        _, rows = topic.replay(actor, key, 0)
        return rows[0]["data"]["pulse"], rows[0]["data"]["running"]

    still = now()
    assert now() == still
    run = run_make(actor, experiment, name="going")
    begun = now()
    services.metrics_log(actor=actor, run_id=run.pk, points=points("loss", [0.5]))
    measured = now()
    services.run_finish(actor=actor, run_id=run.pk, status="FINISHED")

    assert len({still[0], begun[0], measured[0], now()[0]}) == 4
    assert [still[1], begun[1], measured[1], now()[1]] == [0, 1, 1, 0]
    assert topic.may_follow(actor, key)
    assert not topic.may_follow(scientist()[0], key)
    assert not topic.may_follow(actor, "nonsense")


def test_a_run_that_goes_on_is_followed_however_many_began_after_it(data):
    actor, _, experiment = data
    topic, key = topic_find(f"experiment.{experiment.pk}")
    old = run_make(actor, experiment, name="the oldest", started_at=datetime(2020, 1, 1, tzinfo=UTC))
    newest = run_make(actor, experiment, name="the newest")
    rows = [
        Run(experiment=experiment, team=experiment.team, name=f"n {n}", started_at=newest.started_at)
        for n in range(250)
    ]
    Run.objects.bulk_create(rows)
    Run.objects.filter(pk__in=[run.pk for run in rows]).update(status="FINISHED")

    def now() -> tuple[str, int]:
        _, told = topic.replay(actor, key, 0)
        return told[0]["data"]["pulse"], told[0]["data"]["running"]

    page = text_of(browser(actor).get(reverse("experiment-detail", args=[experiment.pk]) + "?sort=begun"))
    drawn = now()
    services.metrics_log(actor=actor, run_id=old.pk, points=points("loss", [0.5]))
    measured = now()
    services.run_finish(actor=actor, run_id=old.pk, status="FINISHED")

    assert f'data-seen="{drawn[0]}"' in page
    assert "the oldest" in page
    assert len({drawn[0], measured[0], now()[0]}) == 3
    assert [drawn[1], measured[1], now()[1]] == [2, 2, 1]


def test_the_page_follows_its_experiment(data):
    actor, _, experiment = data

    page = text_of(browser(actor).get(reverse("experiment-detail", args=[experiment.pk]) + "?sort=name"))

    assert f'data-topic="experiment.{experiment.pk}"' in page
    assert f'hx-get="/experiments/{experiment.pk}/?sort=name"' in page


def test_charts_keep_within_the_queries_of_a_page(data, django_assert_max_num_queries):
    actor, _, experiment = data
    client, path = browser(actor), reverse("experiment-detail", args=[experiment.pk])
    client.get(path)
    pinned = experiment.runs.get(name="try 19").pk
    queries = [
        "show=charts&metric=validation_log_loss&filter=params.kind+%3D+'a'",
        f"show=charts&baseline={pinned}&sort=-m.validation_cost_per_100",
        "group=p.kind&open==a&sort=-m.validation_cost_per_100",
        f"baseline={pinned}&sort=m.validation_cost_per_100&filter=metrics.validation_cost_per_100+>+1&size=5",
        f"show=charts&baseline={pinned}&filter=metrics.validation_cost_per_100+>+1&sort=-m.odd&size=5",
        f"show=charts&baseline={pinned}&filter=params.kind+%3D+'a'&sort=-p.depth&size=5",
        f"baseline={pinned}&filter=metrics.validation_cost_per_100+>+1&sort=-m.odd&size=5",
    ]

    for query in queries:
        with django_assert_max_num_queries(15):
            assert client.get(f"{path}?{query}").status_code == 200
