from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.compute.selectors import target_local
from apps.core.errors import Conflict, Forbidden, NotFound
from apps.experiments.models import Run
from apps.jobs.models import Job
from apps.notices.models import Notice
from apps.registry.models import ModelVersion
from apps.sweeps import selectors, services
from apps.sweeps.models import Sweep, Trial
from apps.sweeps.services import driving
from apps.sweeps.tests.factories import (
    actor_gone,
    measure,
    sweep_make,
    trial_done,
    trial_fails,
    trials_of,
)
from apps.training.models import Launch
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db

GRID = {"max_leaf_nodes": {"choices": [8, 16]}, "early_stopping": {"choices": [True, False]}}


def test_a_grid_tries_every_combination_once_and_ends():
    ground = ground_make()
    sweep = sweep_make(ground, method="GRID", space=GRID, max_trials=50, parallel=3)

    services.sweep_drive(sweep.pk)
    assert [one.state for one in trials_of(sweep)] == ["RUNNING"] * 3
    for trial in trials_of(sweep):
        trial_done(trial, validation_roc_auc=0.6 + trial.number / 100)
    services.sweep_drive(sweep.pk)
    trial_done(trials_of(sweep)[3], validation_roc_auc=0.61)
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    trials = trials_of(sweep)
    tried = [(one.params["max_leaf_nodes"], one.params["early_stopping"]) for one in trials]
    assert sorted(tried) == [(8, False), (8, True), (16, False), (16, True)]
    assert (sweep.state, sweep.cause) == ("FINISHED", "All 4 combinations were tried.")
    found = selectors.standing(sweep, trials)
    assert found.best is not None
    assert (found.best.number, found.best.values) == (3, [pytest.approx(0.63)])
    assert Job.objects.get(pk=trials[2].job_id).spec["params"]["max_leaf_nodes"] == tried[2][0]
    parent = Run.objects.get(pk=sweep.run_id)
    assert (parent.status, parent.metrics_latest["best_validation_roc_auc"][0]) == ("FINISHED", pytest.approx(0.63))
    assert {run.tags["mlflow.parentRunId"] for run in Run.objects.filter(tags__has_key="fairway.trial")} == {
        parent.pk.hex
    }
    assert Notice.objects.get(kind="sweep.ended").user_id == ground.scientist.id


def test_trials_register_no_versions():
    ground = ground_make()
    sweep = sweep_make(ground)
    services.sweep_drive(sweep.pk)

    trial_done(trials_of(sweep)[0], validation_roc_auc=0.7)

    assert not ModelVersion.objects.exists()
    assert Job.objects.get(pk=trials_of(sweep)[0].job_id).result["label"] == (
        "The run has the model; no version was made."
    )


def test_the_sampler_sees_no_secret_of_the_servers_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "of the server")
    wish = driving._Wish(0, 1, {"any": "question"}, [])
    peek = tmp_path / "python"
    peek.write_text("#!/bin/sh\ncat >/dev/null\nenv >" + str(tmp_path / "seen") + "\necho '[{}]'\n")
    peek.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(peek))

    assert driving._suggest(wish) == [{}]

    seen = (tmp_path / "seen").read_text()
    assert "SECRET_KEY" not in seen
    assert "of the server" not in seen
    assert {line.partition("=")[0] for line in seen.splitlines()} <= {"PATH", "LANG", "PWD", "SHLVL", "_", "OLDPWD"}


@pytest.mark.parametrize("method", ["RANDOM", "TPE"])
def test_the_first_trial_has_the_defaults_and_the_sampler_says_the_others(method):
    ground = ground_make()
    sweep = sweep_make(ground, method=method, max_trials=4, parallel=2)

    services.sweep_drive(sweep.pk)
    assert trials_of(sweep)[0].params == {"learning_rate": 0.05, "max_leaf_nodes": 15}
    services.sweep_drive(sweep.pk)
    trial_done(trials_of(sweep)[0], validation_roc_auc=0.7)
    services.sweep_drive(sweep.pk)

    trials = trials_of(sweep)
    assert [one.number for one in trials] == [1, 2, 3]
    assert len({str(one.params) for one in trials}) == 3
    assert all(0.01 <= one.params["learning_rate"] <= 0.3 and 4 <= one.params["max_leaf_nodes"] <= 64 for one in trials)


def test_a_driver_that_died_between_asking_and_launching_doubles_and_loses_nothing():
    ground = ground_make()
    sweep = sweep_make(ground, method="GRID", space=GRID, max_trials=4, parallel=2)

    wish = driving._look(sweep.pk)
    assert wish is not None
    driving._add(sweep.pk, wish.held, wish.points)  # and here it died
    driving._add(sweep.pk, wish.held, wish.points)  # another had asked the same
    assert [one.state for one in trials_of(sweep)] == ["WAITING", "WAITING"]
    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    assert [(one.number, one.state) for one in trials_of(sweep)] == [(1, "RUNNING"), (2, "RUNNING")]
    assert Launch.objects.count() == 2


def test_a_failed_trial_has_a_cause_and_does_not_end_the_sweep_but_failures_in_a_row_do():
    ground = ground_make()
    sweep = sweep_make(ground, max_trials=9, parallel=1, max_failures=2)

    services.sweep_drive(sweep.pk)
    trial_fails(trials_of(sweep)[0])
    services.sweep_drive(sweep.pk)
    trial_done(trials_of(sweep)[1], validation_roc_auc=0.7)
    services.sweep_drive(sweep.pk)
    trial_fails(trials_of(sweep)[2])
    services.sweep_drive(sweep.pk)
    sweep.refresh_from_db()
    assert sweep.state == "RUNNING"
    trial_done(trials_of(sweep)[3])  # measures nothing that the sweep looks at
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    trials = trials_of(sweep)
    assert [one.state for one in trials] == ["FAILED", "DONE", "FAILED", "FAILED"]
    assert "3" in trials[0].cause
    assert trials[3].cause == "Its run has no finite value of “validation_roc_auc”, which the sweep looks at."
    assert sweep.state == "FAILED"
    assert sweep.cause.startswith("2 trials in a row failed, the last one because: Its run has no finite value")
    assert selectors.standing(sweep, trials).best == trials[1]


def test_it_stops_at_its_cost_limit_ends_what_runs_and_says_so():
    ground = ground_make()
    target = target_local()
    target.price_minor, target.currency = 360_000, "EUR"
    target.save()
    sweep = sweep_make(ground, max_trials=9, cost_limit_minor=1_000)
    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)
    first, second = trials_of(sweep)[:2]
    trial_done(first, validation_roc_auc=0.7)
    began = timezone.now() - timedelta(seconds=11)
    Job.objects.filter(pk=first.job_id).update(started_at=began)

    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    first, second = trials_of(sweep)
    assert (sweep.state, second.state) == ("STOPPED", "CANCELLED")
    assert sweep.cause.endswith("the limit is €\u202f10.")
    assert first.cost_minor == pytest.approx(1_100, rel=0.05)
    assert selectors.standing(sweep, [first, second]).best == first


def test_it_stops_when_its_time_is_over():
    ground = ground_make()
    sweep = sweep_make(ground, max_seconds=60)
    services.sweep_drive(sweep.pk)
    Sweep.objects.filter(pk=sweep.pk).update(created_at=timezone.now() - timedelta(seconds=61))

    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    assert (sweep.state, sweep.cause) == ("STOPPED", "It has run for 1\u202fm, as long as it may.")


def test_cancelling_ends_every_trial():
    ground = ground_make()
    sweep = sweep_make(ground, method="GRID", space=GRID, parallel=2)
    services.sweep_drive(sweep.pk)

    services.sweep_cancel(actor=ground.scientist, sweep_id=sweep.pk, reason="wrong data")
    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    assert sweep.state == "CANCELLED"
    assert sweep.cause.endswith("wrong data")
    assert {one.state for one in trials_of(sweep)} == {"CANCELLED"}
    assert {job.state for job in Job.objects.filter(kind="train")} == {"CANCELLED"}
    assert Run.objects.get(pk=sweep.run_id).status == "KILLED"
    with pytest.raises(Conflict):
        services.sweep_cancel(actor=ground.scientist, sweep_id=sweep.pk)


def test_trials_that_are_not_among_the_best_at_a_rung_end_early_and_say_at_which():
    ground = ground_make()
    sweep = sweep_make(ground, method="GRID", prune_after=3, parallel=6, max_trials=6, space=SIX)
    services.sweep_drive(sweep.pk)
    trials = trials_of(sweep)
    for trial in trials:
        for step in range(1, 5):
            measure(trial, step=step, validation_log_loss=0.5 + trial.number / 10 - step / 100)

    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    # Every second one is of the bracket whose first rung is at step 3; of its three only the best goes on.
    assert [one.state for one in trials_of(sweep)] == ["RUNNING", "RUNNING", "RUNNING", "PRUNED", "RUNNING", "PRUNED"]
    assert trials_of(sweep)[5].cause == "1.07 at step 3 was place 3 of 3: only the best go on."


SIX = {"max_leaf_nodes": {"choices": [4, 5, 6, 7, 8, 9]}}


def test_whoever_has_left_launches_no_trial():
    ground = ground_make()
    sweep = sweep_make(ground)
    services.sweep_drive(sweep.pk)
    trial_done(trials_of(sweep)[0], validation_roc_auc=0.7)
    actor_gone(ground.scientist)

    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)

    sweep.refresh_from_db()
    assert sweep.state == "FAILED"
    assert "may not launch in the team any more" in sweep.cause
    assert Launch.objects.count() == 1


def test_of_several_objectives_the_best_keeps_to_the_limits_and_the_front_is_told():
    ground = ground_make()
    aims = [
        {"metric": "validation_roc_auc", "direction": "MAXIMISE", "limit": 0.65},
        {"metric": "validation_cost_per_100", "direction": "MINIMISE"},
    ]
    sweep = sweep_make(ground, method="GRID", space=GRID, parallel=4, objectives=aims)
    services.sweep_drive(sweep.pk)
    for trial, (auc, cost) in zip(
        trials_of(sweep), [(0.7, 90.0), (0.66, 80.0), (0.6, 10.0), (0.65, 85.0)], strict=True
    ):
        trial_done(trial, validation_roc_auc=auc, validation_cost_per_100=cost)
    services.sweep_drive(sweep.pk)

    trials = trials_of(sweep)
    found = selectors.standing(sweep, trials)
    assert [one.within for one in trials] == [True, True, False, True]
    assert found.best == trials[0]
    assert [one.number for one in found.front] == [1, 2]


def test_objectives_are_those_of_the_problem_unless_others_are_named():
    ground = ground_make()

    sweep = sweep_make(ground, objectives=None)

    assert [(one["metric"], one["direction"], one["limit"]) for one in sweep.objectives] == [
        ("validation_cost_per_100", "MINIMISE", None),
        ("validation_roc_auc", "MAXIMISE", 0.65),
    ]


def test_the_same_key_is_the_same_sweep():
    ground = ground_make()

    assert sweep_make(ground, idempotency_key="k").pk == sweep_make(ground, idempotency_key="k").pk
    assert Sweep.objects.count() == 1
    assert not Trial.objects.exists()


def test_strangers_see_none_and_viewers_begin_none():
    ground, other = ground_make(), ground_make()
    sweep = sweep_make(ground)

    with pytest.raises(NotFound):
        services.sweep_cancel(actor=other.scientist, sweep_id=sweep.pk)
    with pytest.raises(Forbidden):
        services.sweep_cancel(actor=ground.owner, sweep_id=sweep.pk)
