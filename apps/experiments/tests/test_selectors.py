from __future__ import annotations

import math
import uuid

import pytest

from apps.core.errors import NotFound
from apps.core.topics import topic_find
from apps.experiments import selectors, services
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import (
    artifact_make,
    experiment_make,
    points,
    run_actor,
    run_make,
    run_measured,
    scientist,
)
from apps.experiments.web.words import metric_words, metrics_in_order, number_of

pytestmark = pytest.mark.django_db


def test_lists_hold_what_the_actor_may_see_and_count_runs_that_are_not_archived():
    actor, team = scientist()
    stranger, _ = scientist()
    experiment = experiment_make(actor, team)
    kept, gone = run_make(actor, experiment), run_make(actor, experiment)
    services.run_archive(actor=actor, run_id=gone.pk)

    row = selectors.experiment_list(actor).get()

    assert (row.run_count, row.newest_run_at) == (1, kept.started_at)
    assert list(selectors.run_list(actor)) == [kept]
    assert list(selectors.run_list(actor, deleted=True)) == [gone]
    assert list(selectors.experiment_list(stranger)) == []
    assert list(selectors.run_list(stranger)) == []


def test_comparing_tells_what_differs_and_by_how_much():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    first = run_measured(actor, experiment, cost=100.0, params={"depth": "4", "seed": "0"})
    second = run_measured(actor, experiment, cost=90.0, params={"depth": "8", "seed": "0"})

    found = selectors.run_compare(actor, [second.pk, first.pk])

    assert [run.pk for run in found["runs"]] == [second.pk, first.pk]
    assert [(p["key"], p["differs"]) for p in found["params"]] == [("depth", True), ("seed", False)]
    cost = next(m for m in found["metrics"] if m["key"] == "validation_cost_per_100")
    assert cost["differences"] == [0.0, 10.0]
    with pytest.raises(NotFound):
        selectors.run_compare(actor, [first.pk, uuid.uuid4()])


def test_curves_are_thinned_and_keep_their_ends_and_peaks():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    loss = [1.0 / (i + 1) for i in range(1000)]
    loss[517], loss[803], loss[900] = 7.5, -3.0, math.nan
    services.metrics_log(actor=actor, run_id=run.pk, points=points("loss", loss))
    services.metrics_log(actor=actor, run_id=run.pk, points=[MetricPoint("once", 1.0, 1, 0)])

    curves = selectors.metric_curves([run], points=100)

    line = curves["loss"][run.pk]
    assert "once" not in curves
    assert 50 <= len(line) <= 102
    assert {(517, 7.5), (803, -3.0)} < set(line)
    assert [step for step, _ in line] == sorted(step for step, _ in line)
    assert (line[0][0], line[-1][0]) == (0, 999)
    assert selectors.metric_curves_live(run, points=100) == (
        curves,
        max(m.pk for m in selectors.metrics_after(run.pk, 0)),
    )


def test_the_newest_run_of_a_problem_comes_with_counts():
    from apps.problems.tests.factories import people, problem_accepted

    team, actor, owner = people()
    problem, _ = problem_accepted(actor, owner, team)
    experiment = experiment_make(actor, team, problem_id=problem.pk)
    none = selectors.run_newest(actor, problem.pk)
    run_measured(actor, experiment)
    newest = run_make(actor, experiment)

    found = selectors.run_newest(actor, problem.pk)

    assert none == (None, 0, 0)
    assert found == ((experiment.pk, newest.status, newest.created_at), 2, 1)


def test_files_of_a_run_and_of_its_models_come_in_one_read(django_assert_num_queries):
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    artifact_make(actor, run, "b.txt")
    artifact_make(actor, run, "a.txt")
    logged = services.logged_model_create(
        actor=actor, experiment_number=run.experiment.number, name="model", source_run_id=run.pk
    )
    services.artifact_store(actor=actor, logged_model_id=logged.pk, path="MLmodel", chunks=[b"x"])

    with django_assert_num_queries(1):
        own, models = selectors.run_files(run)

    assert [file.path for file in own] == ["a.txt", "b.txt"]
    assert [(model.pk, [file.path for file in files]) for model, files in models] == [(logged.pk, ["MLmodel"])]


def test_a_path_that_cannot_be_one_is_not_found():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    with pytest.raises(NotFound):
        selectors.artifact_find("a\x00b", run_id=run.pk)


def test_the_live_topic_gives_measurements_after_a_place_to_those_who_may_see_the_run():
    actor, team = scientist()
    stranger, _ = scientist()
    run = run_make(actor, experiment_make(actor, team))
    services.metrics_log(actor=actor, run_id=run.pk, points=points("loss", [0.5, float("inf")]))
    topic, key = topic_find(f"run.{run.pk}")

    seq, rows = topic.replay(actor, key, 0)
    again, none = topic.replay(actor, key, seq)

    assert [row["data"] for row in rows] == [
        {"key": "loss", "step": 0, "value": 0.5},
        {"key": "loss", "step": 1, "value": "Infinity"},
    ]
    assert rows[-1]["seq"] == seq == again
    assert none == []
    assert topic.may_follow(actor, key)
    assert topic.may_follow(run_actor(run), key)
    assert not topic.may_follow(stranger, key)
    assert not topic.may_follow(actor, "not-an-id")


def test_search_finds_by_name_and_by_id():
    actor, team = scientist()
    stranger, _ = scientist()
    experiment = experiment_make(actor, team, name="Wider gaps")
    run = run_make(actor, experiment, name="trees 400")

    assert list(selectors.run_search(actor, "TREES", 5)) == [run]
    assert list(selectors.run_search(actor, run.pk.hex, 5)) == [run]
    assert list(selectors.experiment_search(actor, "gaps", 5)) == [experiment]
    assert list(selectors.run_search(stranger, run.pk.hex, 5)) == []


def test_keys_of_metrics_read_as_people_say_them():
    words = [metric_words(k) for k in ("validation_roc_auc", "train_log_loss", "best_validation_log_loss", "my_thing")]

    assert [w.title for w in words] == [
        "ROC AUC, validation",
        "Log loss, training",
        "Log loss, validation, best",
        "My thing",
    ]
    assert [w.lower for w in words] == [False, True, True, None]
    assert words[0].low == "ROC AUC"
    assert [w.key for w in metrics_in_order({"train_log_loss", "validation_cost_per_100", "zeta"})] == [
        "validation_cost_per_100",
        "zeta",
        "train_log_loss",
    ]
    assert [number_of(v) for v in (["NaN", 0, 0], [0.5, 1, 2], None, True, float("inf"))] == [
        None,
        0.5,
        None,
        None,
        None,
    ]
