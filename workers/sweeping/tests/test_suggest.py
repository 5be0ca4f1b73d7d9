from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workers.contracts.spaces import grid_points, grid_size, space_check
from workers.sweeping.suggest import suggest

SPACE: dict[str, Any] = {
    "x": {"type": "float", "low": -5.0, "high": 5.0, "log": False},
    "n": {"type": "int", "low": 1, "high": 100, "log": True},
    "kind": {"type": "categorical", "choices": ["a", True, 3]},
}


def question(**fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"method": "TPE", "seed": 3, "space": SPACE, "directions": ["MINIMISE"], "count": 3}
    return {"trials": [], **told, **fields}


def done(params: dict[str, Any], *values: float, **fields: Any) -> dict[str, Any]:
    return {"params": params, "state": "DONE", "values": list(values), **fields}


@pytest.mark.parametrize("method", ["RANDOM", "TPE"])
def test_values_lie_in_the_space_differ_and_are_the_same_for_the_same_question(method):
    answer = suggest(question(method=method, count=20))

    assert answer == suggest(question(method=method, count=20))
    assert all(-5 <= one["x"] <= 5 and 1 <= one["n"] <= 100 and one["kind"] in ("a", True, 3) for one in answer)
    assert len({one["x"] for one in answer}) == 20
    trials = [done(one, 1.0) for one in answer]
    assert suggest(question(method=method, trials=trials))[0] not in answer


def test_tpe_looks_where_it_was_good():
    space = {"x": SPACE["x"]}
    trials: list[dict[str, Any]] = []

    for _ in range(40):
        params = suggest(question(space=space, trials=trials, count=1))[0]
        trials.append(done(params, (params["x"] - 2) ** 2))

    late = [abs(one["params"]["x"] - 2) for one in trials[30:]]
    assert sorted(late)[5] < 1.5


def test_failed_and_open_trials_limits_and_strange_values_are_taken():
    good = {"x": 1.0, "n": 3, "kind": "a"}
    trials = [
        done(good, 1.0, 2.0, over=[-0.1, 0.0]),
        done({"x": 99.0, "n": 3, "kind": "a"}, 1.0, 2.0, over=[0.5, 0.0]),
        done({"x": 2.0, "n": 3}, 1.0, 2.0),
        {"params": good, "state": "OPEN"},
        {"params": good, "state": "FAILED"},
    ]

    answer = suggest(question(trials=trials, directions=["MINIMISE", "MAXIMISE"]))

    assert len(answer) == 3


def test_the_program_answers_a_question_and_loads_no_model_library():
    root = Path(__file__).resolve().parents[3]
    code = (
        "import sys, json; from workers.sweeping.suggest import suggest; suggest(json.load(sys.stdin)); "
        "print([name for name in ('pandas', 'sklearn', 'torch', 'sqlalchemy') if name in sys.modules])"
    )

    told = subprocess.run(
        [sys.executable, "-m", "workers.sweeping"],
        input=json.dumps(question()),
        capture_output=True,
        text=True,
        cwd=root,
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(question()), capture_output=True, text=True, cwd=root
    )

    assert len(json.loads(told.stdout)) == 3
    assert loaded.stdout.strip() == "[]"


def test_a_grid_has_every_combination_once_and_whole_numbers_once():
    properties = {"n": {"type": "integer", "minimum": 1}, "rate": {"type": "number"}, "on": {"type": "boolean"}}
    space = space_check(
        properties,
        {
            "n": {"low": 1, "high": 3, "points": 9},
            "rate": {"low": 0.01, "high": 1, "log": True, "points": 3},
            "on": {"choices": [True, False]},
        },
    )

    points = list(grid_points(space))

    assert len(points) == grid_size(space) == 3 * 3 * 2
    assert len({str(one) for one in points}) == 18
    assert sorted({one["n"] for one in points}) == [1, 2, 3]
    assert sorted({one["rate"] for one in points}) == [0.01, pytest.approx(0.1), 1.0]
