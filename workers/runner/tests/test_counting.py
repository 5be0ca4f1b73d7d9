"""Evaluate jobs whose rows count by a weight, and rankings, through the child."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import ndcg_score

from analysis.contracts.findings import Findings
from analysis.contracts.report import Report
from workers.runner.counting import queries_read, relevance_check, weights_read
from workers.runner.errors import BadInput
from workers.runner.tests.test_answers import answered, brought, judged, scores


def test_rows_count_by_their_weight(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 5, 900)
    table = answered(said=scores(), w=weight)

    peer = judged(tmp_path, "BINARY", table, brought(threshold=0.5, column="said"), weight="w")

    assert peer.payload is not None
    report = Report.from_json(peer.payload["report"])
    right = (scores() >= 0.5) == (np.asarray(table["held"].to_pylist()) == "no")
    assert report.overall.metrics["accuracy"].value == pytest.approx((right * weight).sum() / weight.sum())
    assert report.n == 900
    assert any("Each row counts by its number in “w”" in note for note in report.notes)
    assert Findings.from_json(peer.payload["findings"]).fairness, "fairness counts every row once, and says so"


def test_a_ranking_is_judged_within_its_queries(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    query = np.asarray([f"q{place // 9}" for place in range(900)])
    relevance = rng.integers(0, 4, 900).astype(float)
    said, old = relevance + rng.normal(0, 1, 900), rng.normal(0, 1, 900)
    table = answered(said=said, old=old, q=query, relevance=relevance)

    peer = judged(
        tmp_path,
        "RANKING",
        table,
        brought(column="said"),
        brought("old", column="old"),
        target="relevance",
        query="q",
        cutoffs=[5],
    )

    assert peer.payload is not None
    report = Report.from_json(peer.payload["report"])
    lists = [np.flatnonzero(query == one) for one in np.unique(query)]
    wanted = [ndcg_score([np.exp2(relevance[at]) - 1], [said[at]], k=5) for at in lists if relevance[at].any()]
    found = report.overall.metrics["ndcg:5"]
    assert found.value == pytest.approx(np.mean(wanted))
    assert found.low is not None
    assert report.overall.paired is not None
    assert report.overall.paired.differences["ndcg:5"].verdict == "better"
    findings = Findings.from_json(peer.payload["findings"])
    assert {one.criterion for entry in findings.fairness or () for one in entry.criteria}
    assert (findings.slices, findings.flips) == (None, None)
    stored = pq.read_table(io.BytesIO(peer.outputs["predictions.parquet"]))
    assert stored.column_names == ["row", "truth", "candidate_score", "baseline_score"]


def test_rows_that_weigh_or_belong_nowhere_are_named() -> None:
    rows = pa.table({"w": [1.0, 0.0, 2.0], "q": ["a", None, "b"], "r": [0.0, 0.0, 0.0]})

    with pytest.raises(
        BadInput, match='"w" is no weight above 0 in 1 of the 3 rows that are judged; the first is row 2'
    ):
        weights_read(rows, {"weight": "w"})
    with pytest.raises(BadInput, match='"q" is empty in 1 of the 3 rows'):
        queries_read(rows, {"query": "q"})
    with pytest.raises(BadInput, match="No row has a relevance above 0"):
        relevance_check(rows, "r", np.zeros(3))
    with pytest.raises(BadInput, match="is no relevance of 0 or more"):
        relevance_check(rows, "r", np.asarray([1.0, -1.0, np.nan]))
    assert weights_read(rows, {}) is None
