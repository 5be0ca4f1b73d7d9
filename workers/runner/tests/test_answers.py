"""Evaluate jobs on predictions that were made elsewhere: read from the table, nothing is loaded."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.contracts.report import Report
from workers.contracts.jobspec import EXIT_BAD_INPUT
from workers.runner.answers import answer_labels, answers_read
from workers.runner.errors import BadInput
from workers.runner.frames import frame_of_table
from workers.runner.model_io import model_load
from workers.runner.tests.kit import FEATURES, SPLIT, job_run, parquet, people, train_spec
from workers.runner.tests.peer import Peer
from workers.runner.tests.test_evaluate import _trained
from workers.runner.tests.test_profile import SEGMENTS

BANDS = ["low", "middle", "top"]


def answered(**columns: Any) -> pa.Table:
    """The generated people with further columns."""
    table = people()
    for name, values in columns.items():
        table = table.append_column(name, values if isinstance(values, pa.Array) else pa.array(values))
    return table


def scores(seed: int = 2) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    held = np.asarray(people()["held"].to_pylist()) == "no"
    return np.clip(0.5 + 0.3 * (held - 0.5) + rng.normal(0, 0.15, len(held)), 0, 1).round(4)


def brought(name: str = "x", threshold: float | None = None, **answers: Any) -> dict[str, Any]:
    return {
        "version_id": name,
        "name": name,
        "number": 1,
        "files": [],
        "format": "predictions",
        "threshold": threshold,
        "classes": None,
        "answers": {"column": "", "scores": [], **answers},
    }


def judged(
    root: Path,
    task: str,
    table: pa.Table,
    candidate: dict[str, Any],
    baseline: dict[str, Any] | None = None,
    *,
    files: dict[str, bytes] | None = None,
    **said: Any,
) -> Peer:
    """The peer after its job; what the job said is in `payload`."""
    peer = Peer("evaluate", {}, files=files or {})
    base = train_spec(task, "baseline", {}, peer.add(parquet(table)))
    peer.spec = {
        **{key: base[key] for key in ("task", "target", "positive_label", "table", "costs")},
        "features": FEATURES,
        "candidate": candidate,
        "baseline": baseline,
        "split": SPLIT,
        "part": "all",
        "segments": SEGMENTS,
        "least_support": {"rows": 20, "positives": 5, "negatives": 5},
        **said,
    }
    peer.start()
    status, lines = job_run(root, peer)
    peer.stop()
    assert peer.payload is not None, "\n".join(lines)
    assert status.succeeded == ("report" in peer.payload), "\n".join(lines)
    if not status.succeeded:
        assert status.exit_code == EXIT_BAD_INPUT, "\n".join(lines)
    return peer


def report_of(peer: Peer) -> Report:
    assert peer.payload is not None
    assert "report" in peer.payload, peer.payload
    return Report.from_json(peer.payload["report"])


def test_two_columns_of_scores_are_judged_beside_each_other_on_all_rows(tmp_path: Path) -> None:
    own, other = scores(), scores(7)
    table = answered(mine=own, theirs=other)

    peer = judged(
        tmp_path, "BINARY", table, brought("a", 0.75, column="mine"), brought("b", 0.5, column="theirs"), features=[]
    )

    report = report_of(peer)
    truth = np.asarray(people()["held"].to_pylist()) == "no"
    assert (report.n, report.threshold, report.baseline_threshold) == (900, 0.75, 0.5)
    fpr = report.overall.metrics["fpr"].value
    assert fpr == pytest.approx(((own >= 0.75) & ~truth).sum() / (~truth).sum())
    assert report.importance == ()
    assert report.overall.paired is not None
    assert any(group.key.startswith("Age=") for group in report.groups)
    stored = pq.read_table(io.BytesIO(peer.outputs["predictions.parquet"]))
    np.testing.assert_array_equal(stored["baseline_score"], other)
    assert peer.payload is not None
    assert peer.payload["findings"]["flips"] is not None


def test_the_scores_of_a_model_give_the_numbers_of_the_model(tmp_path: Path) -> None:
    directory, trained, reference = _trained(tmp_path, "BINARY", "logistic_regression", "model")
    said = model_load(directory).predict_frame(frame_of_table(people(), FEATURES))[:, 1]
    table = answered(p=said)

    loaded = judged(tmp_path / "a", "BINARY", table, reference, files=trained.files, part="test")
    read = judged(tmp_path / "b", "BINARY", table, brought("p", reference["threshold"], column="p"), part="test")

    own, theirs = report_of(loaded).to_json(), report_of(read).to_json()
    assert own.pop("importance")
    assert theirs.pop("importance") == []
    assert theirs == own
    assert own["n"] < 900


def test_a_model_is_the_baseline_of_predictions_on_the_same_rows(tmp_path: Path) -> None:
    _, trained, reference = _trained(tmp_path, "BINARY", "baseline", "model")

    peer = judged(
        tmp_path,
        "BINARY",
        answered(p=scores()),
        brought(column="p"),
        reference,
        files=trained.files,
        features=FEATURES[:1],
        inputs=FEATURES[1:],
    )

    report = report_of(peer)
    assert report.has_baseline
    assert (report.threshold, report.baseline_threshold) == (0.5, 0.75)


@pytest.mark.parametrize("form", ["label", "scores", "both"])
def test_many_classes_by_label_by_scores_or_by_both(tmp_path: Path, form: str) -> None:
    bands = people()["band"].to_pylist()
    rng = np.random.default_rng(3)
    wide = np.eye(3)[[BANDS.index(band) for band in bands]] + rng.random((900, 3)) * 1.5
    wide = (wide / wide.sum(axis=1, keepdims=True)).round(3)  # rounded, so that not every row sums to 1
    said = [BANDS[place] for place in wide.argmax(axis=1)]
    table = answered(said=said, other=["unsure", *bands[1:]], **{f"p_{b}": wide[:, i] for i, b in enumerate(BANDS)})
    columns: dict[str, Any] = {}
    if form != "scores":
        columns["column"] = "said"
    if form != "label":
        columns["scores"] = [[band, f"p_{band}"] for band in reversed(BANDS)]

    peer = judged(tmp_path, "MULTICLASS", table, brought(**columns), brought("b", column="other"))

    report = report_of(peer)
    assert set(report.classes or ()) == {*BANDS, "unsure"}
    assert report.overall.metrics["accuracy"].value == pytest.approx(np.mean(np.asarray(said) == np.asarray(bands)))
    assert (report.overall.baseline or {})["accuracy"].value == pytest.approx(899 / 900)
    loss = report.overall.metrics["log_loss"].value
    assert (loss is None) == (form == "label")


def test_a_number_is_judged_as_it_stands(tmp_path: Path) -> None:
    truth = np.asarray(people()["amount"])
    table = answered(said=truth + 3.0)

    report = report_of(judged(tmp_path, "REGRESSION", table, brought(column="said")))

    assert report.overall.metrics["rmse"].value == pytest.approx(3.0)


def _gaps(values: np.ndarray[Any, Any], *places: int) -> pa.Array:
    mask = np.zeros(len(values), bool)
    mask[list(places)] = True
    return pa.array(values, mask=mask)


@pytest.mark.parametrize(
    ("task", "columns", "answers", "words"),
    [
        ("BINARY", {"p": _gaps(scores(), 4, 9)}, {"column": "p"}, ["no answer in 2 of the 900 rows", "row 5."]),
        ("BINARY", {"p": [2.0, *scores()[1:]]}, {"column": "p"}, ["no score from 0 to 1 in 1 of", "row 1."]),
        ("BINARY", {"p": [float("nan"), *scores()[1:]]}, {"column": "p"}, ["no answer in 1", "row 1."]),
        ("BINARY", {"p": [*map(str, scores()[:-1]), "n/a"]}, {"column": "p"}, ["is no number in 1 of", "row 900."]),
        ("BINARY", {"p": [str(one) for one in scores()]}, {"column": "p"}, ["a column of text"]),
        ("REGRESSION", {"p": [1.0, float("inf"), *[2.0] * 898]}, {"column": "p"}, ["not finite in 1", "row 2."]),
        ("MULTICLASS", {"p": [None, *["low"] * 899]}, {"column": "p"}, ["no answer in 1", "row 1."]),
        ("MULTICLASS", {"p": [str(n) for n in range(900)]}, {"column": "p"}, ["900 different labels"]),
        (
            "MULTICLASS",
            {"a": [0.4] * 900, "b": [0.6] * 899 + [0.1]},
            {"scores": [["low", "a"], ["top", "b"]]},
            ["sum to 1 in 1 of", "row 900."],
        ),
    ],
    ids=["missing", "range", "nan", "garbage", "text", "infinite", "label", "labels", "sum"],
)
def test_rows_without_a_usable_answer_are_counted_and_the_first_is_named(
    task: str, columns: dict[str, Any], answers: dict[str, Any], words: list[str]
) -> None:
    table, reference = answered(**columns), brought(**answers)

    def read() -> None:
        labels = answer_labels(table, {"candidate": reference}) if task == "MULTICLASS" else None
        answers_read(table, reference, task, labels)

    with pytest.raises(BadInput) as caught:
        read()

    assert all(word in caught.value.message for word in words), caught.value.message


def test_the_row_that_is_named_is_the_one_of_the_uploaded_table(tmp_path: Path) -> None:
    peer = judged(tmp_path, "BINARY", answered(p=_gaps(scores(), 898)), brought(column="p"))

    assert peer.payload is not None
    message = peer.payload["error"]["message"]
    assert message == '"p" has no answer in 1 of the 900 rows that are judged; the first is row 899.'
    assert peer.payload["error"]["line"] == 900
