"""Evaluate jobs end to end: two trained models, the held-out part, the report and what is stored beside
it.
"""

import io
import json
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.contracts.findings import Findings
from analysis.contracts.report import Report
from analysis.contracts.segments import SplitSpec
from analysis.split import split_take
from workers.contracts.jobspec import EXIT_BAD_INPUT
from workers.runner.frames import frame_of_table
from workers.runner.model_io import model_load
from workers.runner.tests.kit import FEATURES, SPLIT, job_run, parquet, people, train_spec
from workers.runner.tests.peer import Peer
from workers.runner.tests.test_profile import SEGMENTS


def _trained(
    root: Path, task: str, recipe: str, name: str, table: pa.Table | None = None, **said: Any
) -> tuple[Path, Peer, dict[str, Any]]:
    peer = Peer("train", {})
    peer.spec = {**train_spec(task, recipe, {}, peer.add(parquet(table or people()))), **said}
    peer.start()
    status, lines = job_run(root, peer, f"train-{name}")
    peer.stop()
    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    directory = root / f"model-{name}"
    files = peer.model_files(directory)
    facts = peer.payload["model"]
    reference = {
        "version_id": name,
        "name": name,
        "number": 1,
        "files": files,
        "format": facts["format"],
        "threshold": facts["threshold"],
        "classes": facts["classes"],
    }
    return directory, peer, reference


def _evaluation(
    peer: Peer,
    task: str,
    candidate: dict[str, Any],
    baseline: dict[str, Any] | None,
    table: pa.Table | None = None,
    **said: Any,
) -> Peer:
    base = {**train_spec(task, "baseline", {}, peer.add(parquet(table or people()))), **said}
    spec = {
        **{key: base[key] for key in ("task", "target", "positive_label", "features", "table", "costs")},
        "candidate": candidate,
        "baseline": baseline,
        "split": SPLIT,
        "part": "test",
        "segments": SEGMENTS,
        "least_support": {"rows": 20, "positives": 5, "negatives": 5},
    }
    peer.kind, peer.spec = "evaluate", spec
    return peer


def test_two_classes_against_a_baseline(tmp_path: Path) -> None:
    directory, first, candidate = _trained(tmp_path, "BINARY", "logistic_regression", "candidate")
    _, second, baseline = _trained(tmp_path, "BINARY", "baseline", "baseline")
    peer = Peer("evaluate", {}, files={**first.files, **second.files})
    _evaluation(peer, "BINARY", candidate, baseline).start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    report = Report.from_json(peer.payload["report"])
    assert (report.task, report.threshold, report.has_baseline) == ("BINARY", 0.75, True)
    held = split_take(people(), SplitSpec.from_json(SPLIT), "test")
    assert report.n == held.num_rows
    scores = model_load(directory).predict_frame(frame_of_table(held, FEATURES))[:, 1]
    truth = np.asarray(held["held"].to_pylist()) == "no"
    found = Findings.from_json(peer.payload["findings"])
    assert found.slices is not None
    assert found.flips is not None
    assert {one.segment for one in found.fairness or ()} == {"Age", "Member"}, "not the broken one"
    flipped = json.loads(peer.outputs["flips.json"])
    everyone, shown = found.flips.group("overall"), found.flips.group("Age=50 and over")
    assert everyone is not None
    assert shown is not None
    assert 0 < (shown.negative or 0) < (everyone.negative or 0), "the other two groups of Age are hidden"
    assert len(flipped["groups"]["overall"]["negative"]) == shown.negative
    overall = next(group for group in report.groups if group.key == "overall")
    said = scores >= 0.75
    fpr = overall.metrics["fpr"].value
    assert fpr == pytest.approx((said & ~truth).sum() / (~truth).sum())
    assert overall.paired is not None
    assert any(group.key.startswith("Age=") for group in report.groups)
    assert report.importance[0]["feature"] == "age"
    stored = pq.read_table(io.BytesIO(peer.outputs["predictions.parquet"]))
    np.testing.assert_allclose(stored["candidate_score"], scores)
    assert stored["row"].to_pylist() == held["__row__"].to_pylist()
    assert len(set(stored["baseline_score"].to_pylist())) == 1
    assert np.load(io.BytesIO(peer.outputs["statistics.npz"]), allow_pickle=False).files


def test_what_is_known_so_far_is_told_before_the_whole_report(tmp_path: Path) -> None:
    table = people().append_column("mine", pa.array(np.linspace(0, 1, 900)))
    answers = {"column": "mine", "scores": []}
    brought = {"files": [], "format": "predictions", "threshold": 0.5, "classes": None, "answers": answers}
    candidate, baseline = ({"version_id": name, "name": name, "number": 1, **brought} for name in "ab")
    peer = Peer("evaluate", {})
    _evaluation(peer, "BINARY", candidate, baseline, table).start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    first, second, last = peer.payloads
    assert list(first) == list(second) == ["preliminary"]
    alone, compared = (Report.from_json(one["preliminary"]["report"]) for one in (first, second))
    whole = Report.from_json(last["report"])
    assert (alone.has_baseline, compared.has_baseline) == (False, True)
    assert "still being scored" in first["preliminary"]["stage"]
    assert {group.level for group in compared.groups} == {0, 1}, "no crossings yet"
    for group in compared.groups:
        final = whole.group(group.key)
        assert final is not None
        assert (final.suppressed, final.metrics.get("fnr")) == (group.suppressed, group.metrics.get("fnr"))
        assert group.curves is None


@pytest.mark.parametrize(
    ("task", "recipe"),
    [("MULTICLASS", "logistic_regression"), pytest.param("REGRESSION", "ridge", marks=pytest.mark.slow)],
)
def test_other_tasks_without_a_baseline(task: str, recipe: str, tmp_path: Path) -> None:
    _, trained, candidate = _trained(tmp_path, task, recipe, "candidate")
    peer = _evaluation(Peer("evaluate", {}, files=trained.files), task, candidate, None).start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    report = Report.from_json(peer.payload["report"])
    assert (report.task, report.has_baseline) == (task, False)
    overall = next(group for group in report.groups if group.key == "overall")
    name = "accuracy" if task == "MULTICLASS" else "rmse"
    assert overall.metrics[name].value is not None
    assert "predictions.parquet" in peer.outputs


@pytest.mark.slow
def test_a_positive_class_that_is_called_0_is_the_one_that_is_scored(tmp_path: Path) -> None:
    zero = pa.array(["0" if held == "no" else "1" for held in people()["held"].to_pylist()])
    table = people().set_column(people().column_names.index("held"), "held", zero)
    _, trained, candidate = _trained(tmp_path, "BINARY", "logistic_regression", "zero", table, positive_label="0")
    peer = _evaluation(Peer("evaluate", {}, files=trained.files), "BINARY", candidate, None, table, positive_label="0")
    peer.start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert candidate["classes"] == ["1", "0"]
    assert peer.payload is not None
    overall = next(one for one in Report.from_json(peer.payload["report"]).groups if one.key == "overall")
    assert (overall.metrics["roc_auc"].value or 0) > 0.7


@pytest.mark.parametrize("classes", [["low", "middle", "top"], pytest.param(["top", "low"], marks=pytest.mark.slow)])
def test_classes_that_a_model_only_counts_have_the_names_that_its_version_states(
    classes: list[str], tmp_path: Path
) -> None:
    train = split_take(people(), SplitSpec.from_json(SPLIT), "train")
    frame = frame_of_table(train, FEATURES)[["income", "age"]]
    codes = np.asarray([["low", "middle", "top"].index(band) for band in train["band"].to_pylist()], dtype=float)
    options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(frame, codes), 10)
    peer = Peer("evaluate", {})
    file = {"path": "model.txt", **peer.add(booster.model_to_string().encode())}
    candidate = {"version_id": "x", "name": "x", "number": 1, "files": [file], "format": "LIGHTGBM", "threshold": None}
    _evaluation(peer, "MULTICLASS", {**candidate, "classes": classes}, None).start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert peer.payload is not None
    if len(classes) == 2:
        assert status.exit_code == EXIT_BAD_INPUT
        assert "stated to know 2 classes and knows 3" in peer.payload["error"]["message"]
        return
    assert status.succeeded, "\n".join(lines)
    report = Report.from_json(peer.payload["report"])
    overall = next(one for one in report.groups if one.key == "overall")
    assert (overall.metrics["accuracy"].value or 0) > 0.5


@pytest.mark.parametrize(
    "inputs",
    [
        ["income", "age"],
        pytest.param(["age", "income"], marks=pytest.mark.slow),
        pytest.param(["income", "height"], marks=pytest.mark.slow),
    ],
)
def test_a_model_without_names_reads_the_columns_of_its_signature_in_their_order(
    inputs: list[str], tmp_path: Path
) -> None:
    train = frame_of_table(split_take(people(), SplitSpec.from_json(SPLIT), "train"), FEATURES)[["income", "age"]]
    truth = np.asarray(split_take(people(), SplitSpec.from_json(SPLIT), "train")["held"].to_pylist()) == "no"
    options = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(options, lightgbm.Dataset(train.to_numpy(), truth.astype(float)), 5)
    peer = Peer("evaluate", {})
    file = {"path": "model.txt", **peer.add(booster.model_to_string().encode())}
    candidate = {"version_id": "x", "name": "x", "number": 1, "files": [file], "format": "LIGHTGBM", "threshold": 0.5}
    _evaluation(peer, "BINARY", {**candidate, "inputs": inputs}, None).start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    if "height" in inputs:
        assert status.exit_code == EXIT_BAD_INPUT
        assert peer.payload is not None
        assert "height" in peer.payload["error"]["message"]
        return
    assert status.succeeded, "\n".join(lines)
    held = frame_of_table(split_take(people(), SplitSpec.from_json(SPLIT), "test"), FEATURES)
    stored = pq.read_table(io.BytesIO(peer.outputs["predictions.parquet"]))
    np.testing.assert_allclose(stored["candidate_score"], booster.predict(held[inputs].to_numpy()))


def _booster(peer: Peer, *inputs: str) -> dict[str, Any]:
    """A version that reads these columns."""
    train = split_take(people(), SplitSpec.from_json(SPLIT), "train")
    truth = np.asarray(train["held"].to_pylist()) == "no"
    options = {"objective": "binary", "verbose": -1, "num_threads": 1}
    frame = frame_of_table(train, FEATURES)[list(inputs)]
    booster = lightgbm.train(options, lightgbm.Dataset(frame.to_numpy(), truth.astype(float)), 10)
    file = {"path": "model.txt", **peer.add(booster.model_to_string().encode())}
    known = {"version_id": "x", "name": "x", "number": 1, "format": "LIGHTGBM", "threshold": 0.5}
    return {**known, "files": [file], "inputs": list(inputs)}


def test_behaviour_tests_are_run_on_both_models_and_test_rows_looked_up_in_the_training_rows(tmp_path: Path) -> None:
    peer = Peer("evaluate", {})
    _evaluation(peer, "BINARY", _booster(peer, "age", "income"), _booster(peer, "income"))
    held = split_take(people(), SplitSpec.from_json(SPLIT), "test")
    leaking = peer.add(parquet(pa.concat_tables([split_take(people(), SplitSpec.from_json(SPLIT), "train"), held])))
    tests = {
        "age": {
            "kind": "INVARIANCE",
            "change": [{"column": "age", "add": 20}],
            "compare": "LABEL",
            "least_share": 0.95,
        },
        "colour": {"kind": "INVARIANCE", "change": [{"column": "colour", "to": "red"}], "where": "age > 30"},
        "shoe": {"kind": "DIRECTION", "change": [{"column": "shoe", "add": 1}], "direction": "NOT_UP"},
        "old": {"kind": "LEAST_FUNCTION", "where": "age >= 70", "expect": {"label": "no"}, "least_share": 0.5},
    }
    peer.spec["behaviour"] = [
        {"id": name, "number": 1, "critical": name == "age", "test": {"schema": 1, "name": name, **test}}
        for name, test in tests.items()
    ]
    peer.spec["training"] = {
        "table": {**leaking, "format": "parquet"},
        "split": {"seed": 0, "fractions": {"train": 1.0}},
    }
    peer.start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    found = Findings.from_json(peer.payload["findings"])
    assert found.behaviour is not None
    by_name = {one.name: one for one in found.behaviour.tests}
    assert {name: one.candidate.verdict for name, one in by_name.items()} == {
        "age": "fails",
        "colour": "holds",
        "shoe": "not run",
        "old": "holds",
    }
    age = by_name["age"]
    assert age.baseline is not None
    assert (age.baseline.verdict, age.baseline.unread) == ("holds", ("age",))
    assert age.critical
    assert age.candidate.tested == held.num_rows
    assert [(one.column, one.before) for one in age.pairs[0].values] == [("age", "***")], "Age is protected"
    assert by_name["colour"].candidate.unread == ("colour",)
    assert by_name["shoe"].candidate.reason == "There is no column shoe"
    assert found.leakage is not None
    assert (found.leakage.shared, found.leakage.verdict) == (held.num_rows, "more than chance")
    assert found.leakage.columns == ("age", "income")


def test_a_hostile_candidate_is_refused_with_its_reason(tmp_path: Path) -> None:
    peer = Peer("evaluate", {})
    file = {"path": "model.pkl", **peer.add(b"\x80\x04.")}
    candidate = {
        "version_id": "x",
        "name": "x",
        "number": 1,
        "files": [file],
        "format": "SKOPS",
        "threshold": None,
    }
    _evaluation(peer, "BINARY", candidate, None).start()

    status, _ = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT
    assert peer.payload is not None
    assert peer.payload["error"]["code"] == "MODEL_REFUSED"
    assert "model.pkl" in peer.payload["error"]["message"]
