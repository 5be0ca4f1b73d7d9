"""Train jobs, end to end: the real executor, the real child, a peer over HTTP, and MLflow's own loader at the
end.
"""

import json
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
import skops.io  # noqa: F401 - whole: `model_io`, when it is first, leaves out the types that MLflow asks it for
import yaml

from workers.contracts.jobspec import EXIT_BAD_INPUT, EXIT_CANCELLED
from workers.contracts.signature import Signature
from workers.runner.errors import BadInput
from workers.runner.fitting.data import training_data
from workers.runner.frames import frame_of_table
from workers.runner.model_io import model_load
from workers.runner.tests.kit import FEATURES, job_run, parquet, people, train_spec
from workers.runner.tests.peer import EXPERIMENT, Peer

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("BINARY", "baseline", {}),
    ("BINARY", "logistic_regression", {"C": 0.5}),
    ("MULTICLASS", "logistic_regression", {}),
    ("REGRESSION", "ridge", {"alpha": 2}),
    ("MULTICLASS", "random_forest", {"n_estimators": 20, "class_weight": "balanced"}),
    ("REGRESSION", "random_forest", {"n_estimators": 20}),
    ("BINARY", "hist_gradient_boosting", {"max_iter": 40}),
    ("BINARY", "lightgbm", {"n_estimators": 60, "learning_rate": 0.1}),
    ("MULTICLASS", "lightgbm", {"n_estimators": 10}),
    ("REGRESSION", "lightgbm", {"n_estimators": 40}),
]

QUICK = [("BINARY", "logistic_regression"), ("REGRESSION", "ridge"), ("MULTICLASS", "lightgbm")]


def _peer(task: str, recipe: str, params: dict[str, Any], rows: int = 900) -> Peer:
    peer = Peer("train", {})
    peer.spec = train_spec(task, recipe, params, peer.add(parquet(people(rows))))
    return peer.start()


# One recipe of each library and task at every commit, the others before a release.
@pytest.mark.parametrize(
    ("task", "recipe", "params"),
    [pytest.param(*case, marks=() if case[:2] in QUICK else pytest.mark.slow) for case in CASES],
)
def test_every_recipe_logs_a_model_that_mlflow_opens(
    task: str, recipe: str, params: dict[str, Any], tmp_path: Path
) -> None:
    peer = _peer(task, recipe, params)

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert not any("Warning" in line for line in lines)
    assert (peer.run_status, peer.model_status) == ("FINISHED", "LOGGED_MODEL_READY")
    assert peer.payload is not None
    facts = peer.payload["model"]
    directory = tmp_path / "model"
    files = peer.model_files(directory)
    assert [file["path"] for file in facts["files"]] == sorted(file["path"] for file in files)
    assert all(path.startswith(f"{EXPERIMENT}/models/m-") for path in peer.artifacts)

    frame = frame_of_table(people(40, seed=9), FEATURES)
    ours = model_load(directory).predict_frame(frame)
    given = frame.astype({"age": "int64", "member": bool})
    theirs = mlflow.pyfunc.load_model(str(directory)).predict(given)
    np.testing.assert_allclose(np.asarray(theirs), ours, rtol=1e-9)
    if task != "REGRESSION":
        assert ours.shape == (40, len(facts["classes"]))
        np.testing.assert_allclose(ours.sum(axis=1), 1)

    loss = "rmse" if task == "REGRESSION" else "log_loss"
    curve = peer.curve(f"validation_{loss}")
    assert len(curve) >= (1 if recipe == "baseline" else 4)
    assert [step for step, _ in curve] == sorted({step for step, _ in curve})
    if recipe != "baseline":
        assert curve[-1][1] < curve[0][1]
    best = peer.curve(f"best_validation_{loss}")[0][1]
    assert best == pytest.approx(min(value for _, value in curve), rel=0.2)
    assert facts["complexity"]["parameters"] > 0
    assert facts["complexity"]["depth"] >= 0
    names = {one["name"] for one in FEATURES}
    assert {one["feature"] for one in facts["importance"]} == names
    if recipe != "baseline":
        assert facts["importance"][0]["feature"] == "age"


def test_the_threshold_follows_the_costs_and_the_signature_says_what_may_be_missing(tmp_path: Path) -> None:
    peer = _peer("BINARY", "logistic_regression", {})

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    facts = peer.payload["model"]
    assert facts["threshold"] == 0.75
    assert facts["classes"] == ["yes", "no"]
    signature = Signature.from_json(facts["signature"])
    assert [(one.name, one.datatype, one.required, one.levels) for one in signature.inputs] == [
        ("age", "INT64", True, None),
        ("income", "FP64", False, None),
        ("colour", "BYTES", False, ("blue", "green", "red")),
        ("member", "BOOL", True, None),
    ]
    directory = tmp_path / "model"
    peer.model_files(directory)
    model = model_load(directory)
    columns: dict[str, list[Any]] = {
        "age": [40, 70],
        "income": [None, 30.0],
        "colour": ["violet", None],
        "member": [True, False],
    }
    scores = model.predict_columns(columns, signature)
    assert np.isfinite(scores).all()
    written = yaml.safe_load((directory / "MLmodel").read_text())
    assert written["flavors"]["python_function"]["predict_fn"] == "predict_proba"
    assert peer.params["threshold"] == "0.75"
    assert {"validation_roc_auc", "validation_fpr", "validation_cost_per_100"} <= {one["key"] for one in peer.metrics}
    assert json.loads((directory / "fairway.json").read_text())["task"] == "BINARY"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    found = []
    for name in ("first", "second"):
        peer = _peer("BINARY", "lightgbm", {"n_estimators": 15, "subsample": 0.7})
        status, lines = job_run(tmp_path, peer, name)
        peer.stop()
        assert status.succeeded, "\n".join(lines)
        peer.model_files(tmp_path / f"model-{name}")
        frame = frame_of_table(people(50, seed=4), FEATURES)
        found.append(model_load(tmp_path / f"model-{name}").predict_frame(frame))

    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.slow
def test_params_that_the_launch_has_logged_stay_and_a_restarting_web_is_waited_for(tmp_path: Path) -> None:
    peer = _peer("REGRESSION", "ridge", {"alpha": 2})
    peer.params = {"alpha": "2", "recipe": "ridge"}
    peer.failing = 3

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.params["alpha"] == "2"
    assert peer.connections <= 2
    assert peer.refused == 0


def test_cancel_ends_the_job_with_its_own_exit_code(tmp_path: Path) -> None:
    peer = _peer("BINARY", "hist_gradient_boosting", {"max_iter": 3000})
    peer.cancel_after = 3

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert not any("fwr_" in line for line in lines)
    held = [path.read_bytes() for path in (tmp_path / "job").rglob("*") if path.is_file()]
    assert not any(b"fwr_" in data for data in held)
    assert status.exit_code == EXIT_CANCELLED
    assert lines[-1] == "Cancelled."
    assert peer.payload is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": "nothing"}, 'no column "nothing"'),
        ({"target": "band"}, "3 classes"),
        ({"positive_label": "maybe"}, 'never says "maybe"'),
        ({"features": [{"name": "age", "type": "DATE"}]}, "holds dates"),
        ({"features": []}, "no feature"),
        ({"split": {"seed": 1, "fractions": {"test": 1}, "by": None}}, "at least 20"),
        ({"task": "REGRESSION"}, "not a number"),
        ({"task": "CLUSTER"}, "no task"),
    ],
)
def test_what_cannot_be_learnt_from_is_said_in_a_sentence(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(parquet(people(120)))

    with pytest.raises(BadInput, match=words):
        training_data(path, {**train_spec("BINARY", "ridge", {}, {}), **change})


def test_a_spec_that_does_not_fit_ends_the_job_with_its_reason(tmp_path: Path) -> None:
    peer = _peer("BINARY", "logistic_regression", {"C": -1}, rows=120)

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT, "\n".join(lines)
    assert peer.payload is not None
    assert "more than 0" in peer.payload["error"]["message"]
