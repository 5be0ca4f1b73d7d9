"""Searches that few runs fit and orders by a param: what follows the documents, and which index answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.actors import Actor
from apps.experiments import selectors, services
from apps.experiments.models import Experiment, Run, RunParam
from apps.experiments.tests.factories import experiment_make, run_make, scientist

pytestmark = pytest.mark.django_db
MANY = 50_000
_FILL = """
INSERT INTO experiments_run
  (id, team_id, experiment_id, name, status, source, started_at, created_at, created_by_label, row_version, code,
   environment, notes, metrics_latest, params, tags, user_name, purge_reason)
SELECT gen_random_uuid(), %(team)s, %(experiment)s, 'run ' || g, 'FINISHED', '', now() - g * interval '1 second', now(),
       '', 1, '{}', '{}', '', '{}',
       jsonb_build_object('rate', (g * 7919 %% 1000)::text, 'depth', (g %% 10)::text)
         || CASE WHEN g %% 10000 = 5 THEN '{"rare": "yes"}' ELSE '{}' END::jsonb,
       jsonb_build_object('phase', (g %% 3)::text)
         || CASE WHEN g %% 10000 = 7 THEN '{"champion": "yes"}' ELSE '{}' END::jsonb,
       '', ''
FROM generate_series(1, %(count)s) g
"""


def walked(run: Run) -> dict[str, str]:
    return dict(RunParam.objects.filter(run=run).values_list("key", "value"))


def found(actor: Actor, experiment: Experiment, *orders: str, limit: int = 100) -> list[str]:
    """The names of all runs in an order, page by page."""
    names: list[str] = []
    token = ""
    while True:
        runs, token = selectors.run_search_page(
            actor, experiment_numbers=[experiment.number], order_texts=orders, token=token, limit=limit
        )
        names += [run.name for run in runs]
        if not token:
            return names


def test_the_rows_that_orders_walk_follow_the_params_of_a_run():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    run = run_make(actor, experiment, params={"depth": "5"})

    services.run_batch_log(actor=actor, run_id=run.pk, params={"rate": "0.1", "text": "x" * 3000, "depth": "5"})
    logged = walked(run)
    Run.objects.filter(pk=run.pk).update(params={"depth": "6", "text": "x" * 3000})
    changed = walked(run)
    Run.objects.filter(pk=run.pk).update(status="FINISHED")

    assert logged == {"depth": "5", "rate": "0.1", "text": "x" * 250}
    assert changed == walked(run) == {"depth": "6", "text": "x" * 250}
    assert set(RunParam.objects.values_list("experiment_id", flat=True)) == {experiment.pk}


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_runs_are_sorted_by_a_param_and_those_without_it_come_last(limit: int):
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    for name, params in (("a", {"p": "2"}), ("b", {}), ("c", {"p": "10"}), ("d", {"p": "2"}), ("e", {"q": "1"})):
        run_make(actor, experiment, name=name, params=params)
    run_make(actor, experiment_make(actor, team, name="Other"), name="elsewhere", params={"p": "1"})

    assert found(actor, experiment, "params.p", limit=limit) == ["c", "d", "a", "e", "b"]
    assert found(actor, experiment, "params.p DESC", limit=limit) == ["d", "a", "c", "e", "b"]
    assert found(actor, experiment, "params.none", limit=limit) == ["e", "d", "c", "b", "a"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("filter_text", "orders", "index"),
    [
        ("params.rare = 'yes'", (), "experiments_runs_by_param"),
        ("tags.champion = 'yes'", (), "experiments_runs_by_tag"),
        ("params.depth = '3'", (), "experiments_runs_begun"),
        ("", ("params.rate",), "experiments_runparam_pkey"),
        ("", ("params.rate DESC",), "experiments_runparam_pkey"),
    ],
)
def test_an_index_answers_however_many_runs_there_are(filter_text: str, orders: Sequence[str], index: str):
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    fill(experiment)

    with CaptureQueriesContext(connection) as asked:
        runs, _ = selectors.run_search_page(
            actor, experiment_numbers=[experiment.number], filter_text=filter_text, order_texts=orders, limit=100
        )
    [page] = [query["sql"] for query in asked.captured_queries if "search_0" in query["sql"]]
    nodes = steps(page)

    assert runs
    assert index in {node.get("Index Name") for node in nodes}
    # No step read more than a part of the runs.
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) < MANY / 10


@pytest.mark.slow
def test_whether_anything_changed_is_asked_of_the_runs_that_go_on_alone():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    fill(experiment)
    for _ in range(3):
        run_make(actor, experiment)

    with CaptureQueriesContext(connection) as asked:
        pulse = selectors.experiment_pulse(experiment.pk)
    [told] = asked.captured_queries
    nodes = steps(told["sql"])

    assert pulse.running == 3
    assert {"experiments_runs_counted", "experiments_runs_begun"} <= {node.get("Index Name") for node in nodes}
    assert max(node["Actual Rows"] * node["Actual Loops"] for node in nodes) < 10


def fill(experiment: Experiment) -> None:
    """Many ended runs."""
    with connection.cursor() as cursor:
        cursor.execute(_FILL, {"team": experiment.team_id, "experiment": experiment.pk, "count": MANY})
        cursor.execute("ANALYZE experiments_run, experiments_runparam")


def steps(statement: str) -> list[dict]:
    """The steps in which the database answers."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        return _nodes(cursor.fetchone()[0][0]["Plan"])


def _nodes(plan: dict) -> list[dict]:
    return [plan, *(node for part in plan.get("Plans", []) for node in _nodes(part))]
