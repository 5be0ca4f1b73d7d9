from __future__ import annotations

import pytest

from apps.code.tests.factories import bundle_make
from apps.compute.tests.factories import healthy_make
from apps.core.errors import Invalid
from apps.sweeps import services
from apps.sweeps.models import Sweep
from apps.sweeps.tests.factories import sweep_make, trials_of
from apps.training.models import CodeLaunch
from apps.training.tests.factories import ground_make

pytestmark = pytest.mark.django_db

RATE = {"low": 0.01, "high": 0.3}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"method": "GUESS"}, "method"),
        ({"space": {}}, "space"),
        ({"space": []}, "space"),
        ({"space": {"depth": {"low": 1, "high": 2}}}, "space.depth"),
        ({"space": {"learning_rate": 5}}, "space.learning_rate"),
        ({"space": {"learning_rate": {"low": 0.3, "high": 0.1}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {"low": 0, "high": 0.1}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {"low": 0.1, "high": 2}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {"low": float("nan"), "high": 1}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {"low": "a", "high": 1}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {**RATE, "log": "yes"}}}, "space.learning_rate"),
        ({"space": {"learning_rate": {**RATE, "points": 10**9}}}, "space.learning_rate"),
        ({"space": {"l2_regularization": {"low": 0, "high": 1, "log": True}}}, "space.l2_regularization"),
        ({"space": {"max_iter": {"low": 1.5, "high": 3}}}, "space.max_iter"),
        ({"space": {"class_weight": {"choices": ["none"]}}}, "space.class_weight"),
        ({"space": {"class_weight": {"choices": ["none", "heavy"]}}}, "space.class_weight"),
        ({"space": {"early_stopping": {"choices": [True, 1]}}}, "space.early_stopping"),
        ({"space": {"max_iter": {"choices": [1, 1]}}}, "space.max_iter"),
        ({"recipe": ""}, "recipe"),
        ({"recipe": "magic"}, "recipe"),
        ({"params": {"max_iter": 0}}, "params.max_iter"),
        ({"max_trials": 0}, "max_trials"),
        ({"max_trials": True}, "max_trials"),
        ({"parallel": 51}, "parallel"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"max_failures": 0}, "max_failures"),
        ({"seed": -1}, "seed"),
        ({"cost_limit_minor": 100}, "cost_limit_minor"),
        ({"objectives": [{"metric": ""}]}, "objectives"),
        ({"objectives": [{"metric": "x", "direction": "UP"}]}, "objectives"),
        ({"objectives": [{"metric": "x", "direction": "MINIMISE", "limit": float("inf")}]}, "objectives"),
        ({"objectives": [{"metric": "x", "direction": "MINIMISE"}] * 2}, "objectives"),
        ({"prune_after": 0}, "prune_after"),
        ({"prune_metric": "x"}, "prune_after"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field_and_nothing_begins(fields, where):
    ground = ground_make()

    with pytest.raises(Invalid) as refusal:
        sweep_make(ground, **fields)

    assert where in refusal.value.fields
    assert not Sweep.objects.exists()


def test_a_grid_too_large_is_refused_with_its_size():
    ground = ground_make()
    space = {name: {"low": 1, "high": 1000, "points": 40} for name in ("max_iter", "min_samples_leaf")}

    with pytest.raises(Invalid, match="1600 combinations"):
        sweep_make(ground, method="GRID", space=space)


CODE = """
def train(rate: float = 0.1, depth: int = 3, *, width: int):
    print(rate, depth, width)
"""


def test_a_sweep_over_peoples_own_code_launches_its_entry_with_the_values():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, CODE)
    space = {"rate": {"low": 0.01, "high": 1, "log": True}, "width": {"choices": [8, 16]}}
    aim = {"metric": "loss", "direction": "MINIMISE"}

    sweep = services.sweep_create(
        actor=ground.scientist,
        method="RANDOM",
        space=space,
        bundle_id=bundle.pk,
        entry="train.py:train",
        objectives=[aim],
    )
    services.sweep_drive(sweep.pk)

    # What has no default has no value to begin with.
    assert sweep.params == {"rate": 0.1, "depth": 3}
    launched = CodeLaunch.objects.get(run_id=trials_of(sweep)[0].run_id)
    assert launched.params["depth"] == 3
    assert launched.params["width"] in (8, 16)
    assert launched.model_id is None


def test_code_needs_a_metric_to_look_at():
    ground = ground_make()
    bundle = bundle_make(ground.scientist, ground.team, CODE)

    with pytest.raises(Invalid) as refusal:
        services.sweep_create(
            actor=ground.scientist,
            method="TPE",
            space={"width": {"low": 1, "high": 9}},
            bundle_id=bundle.pk,
            entry="train.py:train",
        )

    assert "objectives" in refusal.value.fields


def test_trials_of_code_run_on_the_target_that_was_chosen_and_a_lockfile_keeps_them_here():
    ground = ground_make()
    far = healthy_make(name="far")
    bundle = bundle_make(ground.scientist, ground.team, CODE)
    locked = bundle_make(
        ground.scientist,
        ground.team,
        {"train.py": CODE, "requirements.lock": "tinyland==1.0 --hash=sha256:" + "0" * 64 + "\n"},
    )
    asked = {
        "actor": ground.scientist,
        "method": "RANDOM",
        "space": {"width": {"choices": [8, 16]}},
        "entry": "train.py:train",
        "objectives": [{"metric": "loss", "direction": "MINIMISE"}],
        "target_id": far.pk,
    }

    sweep = services.sweep_create(bundle_id=bundle.pk, **asked)
    services.sweep_drive(sweep.pk)

    assert [one.job.target for one in trials_of(sweep)] == [far] * len(trials_of(sweep))
    assert trials_of(sweep)
    with pytest.raises(Invalid, match="not on far") as refused:
        services.sweep_create(bundle_id=locked.pk, **asked)
    assert "target_id" in refused.value.fields
