"""Rankings from data to a judged version: what is learnt within queries, what is refused, what serving answers."""

import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.contracts.report import Report
from analysis.contracts.segments import SplitSpec
from analysis.split import split_take
from workers.contracts.recipes import RANKING, RecipeError, params_clean, recipes_for
from workers.contracts.routes import RouteVersion
from workers.contracts.signature import Signature
from workers.runner.errors import BadInput
from workers.runner.fitting.data import training_data
from workers.runner.frames import frame_of_table
from workers.runner.model_io import model_load
from workers.runner.tests.kit import FEATURES, SPLIT, job_run, parquet, people, train_spec
from workers.runner.tests.peer import Peer
from workers.serving.answers import Answers, Scores
from workers.serving.forms import V2Request

BY_QUERY = {**SPLIT, "by": "list"}


def ranked(rows: int = 1800) -> pa.Table:
    """Lists of nine people, whose grade from 0 to 3 follows age and income."""
    table = people(rows)
    amount = np.asarray(table["amount"])
    grade = np.digitize(amount, np.quantile(amount, [0.5, 0.75, 0.9]))
    lists = np.random.default_rng(4).permutation(rows) // 9
    return table.append_column("relevance", pa.array(grade)).append_column(
        "list", pa.array([f"list {one}" for one in lists])
    )


def spec_of(recipe: str, table: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**train_spec(RANKING, recipe, params or {}, table), "split": BY_QUERY, "query_column": "list"}


def trained(root: Path, recipe: str, params: dict[str, Any] | None = None) -> tuple[Path, Peer, dict[str, Any]]:
    peer = Peer("train", {})
    peer.spec = spec_of(recipe, peer.add(parquet(ranked())), params)
    peer.start()
    status, lines = job_run(root, peer, f"train-{recipe}")
    peer.stop()
    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    directory = root / f"model-{recipe}"
    facts = peer.payload["model"]
    return (
        directory,
        peer,
        {
            **{"version_id": recipe, "name": recipe, "number": 1, "files": peer.model_files(directory)},
            **{name: facts[name] for name in ("format", "threshold", "classes")},
        },
    )


def test_an_order_is_learnt_judged_and_beats_the_trivial_one(tmp_path: Path) -> None:
    directory, first, candidate = trained(tmp_path, "lightgbm_rank", {"n_estimators": 40, "learning_rate": 0.1})
    _, second, baseline = trained(tmp_path, "baseline")
    peer = Peer("evaluate", {}, files={**first.files, **second.files})
    base = spec_of("baseline", peer.add(parquet(ranked())))
    peer.kind = "evaluate"
    peer.spec = {
        **{key: base[key] for key in ("task", "target", "positive_label", "features", "table", "costs", "split")},
        **{"candidate": candidate, "baseline": baseline, "part": "test", "query": "list", "cutoffs": [5]},
        **{"segments": [], "least_support": {"rows": 20}},
    }
    peer.start()

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    assert peer.payload is not None
    report = Report.from_json(peer.payload["report"])
    held = split_take(ranked(), SplitSpec.from_json(BY_QUERY), "test")
    assert (report.task, report.n) == (RANKING, held.num_rows)
    found = report.overall.metrics["ndcg:5"]
    assert found.value is not None
    assert found.value > 0.7
    assert report.overall.paired is not None
    assert report.overall.paired.differences["ndcg:5"].verdict == "better"
    assert report.importance[0]["feature"] == "age"
    scores = model_load(directory).predict_frame(frame_of_table(held, FEATURES))
    assert scores.shape == (held.num_rows,)


def test_the_run_tells_ndcg_step_by_step_and_at_its_end(tmp_path: Path) -> None:
    _, peer, _ = trained(tmp_path, "lightgbm_rank", {"n_estimators": 30, "learning_rate": 0.1})

    curve = peer.curve("validation_ndcg_loss")
    assert len(curve) >= 4
    assert curve[-1][1] < curve[0][1]
    assert {"validation_ndcg_10", "validation_mrr", "best_validation_ndcg_loss"} <= {one["key"] for one in peer.metrics}
    assert peer.payload is not None
    facts = peer.payload["model"]
    assert (facts["task"], facts["classes"], facts["threshold"]) == (RANKING, None, None)
    assert [one.name for one in Signature.from_json(facts["signature"]).outputs] == ["score"]
    assert "list" not in {one.name for one in Signature.from_json(facts["signature"]).inputs}


def table_at(root: Path, table: pa.Table) -> Path:
    path = root / "table.parquet"
    path.write_bytes(parquet(table))
    return path


@pytest.mark.parametrize(
    ("change", "said", "words"),
    [
        ({}, {"query_column": None}, "No column says which rows belong to one query"),
        ({}, {"split": SPLIT}, 'Split the data by "list"'),
        ({"relevance": lambda grade: grade + 0.5}, {}, "not everywhere a whole grade from 0 to 30"),
        ({"relevance": lambda grade: grade * 40}, {}, "not everywhere a whole grade from 0 to 30"),
        ({"relevance": lambda grade: grade - 1}, {}, "not everywhere a whole grade from 0 to 30"),
        ({"relevance": lambda grade: grade * 0}, {}, "no order is better than another"),
    ],
)
def test_what_no_order_can_be_learnt_from_is_said(
    change: dict[str, Any], said: dict[str, Any], words: str, tmp_path: Path
) -> None:
    table = ranked(900)
    for name, make in change.items():
        values = pa.array(make(np.asarray(table[name])))
        table = table.set_column(table.column_names.index(name), name, values)

    with pytest.raises(BadInput, match=words):
        training_data(table_at(tmp_path, table), {**spec_of("lightgbm_rank", {}), **said})


def test_a_row_of_no_query_is_refused(tmp_path: Path) -> None:
    table = ranked(900)
    lists = [None, *table["list"].to_pylist()[1:]]
    table = table.set_column(table.column_names.index("list"), "list", pa.array(lists))

    with pytest.raises(BadInput, match='1 rows have no "list"'):
        training_data(table_at(tmp_path, table), spec_of("lightgbm_rank", {}))


def test_rows_of_a_query_stand_side_by_side(tmp_path: Path) -> None:
    data = training_data(table_at(tmp_path, ranked(900)), spec_of("lightgbm_rank", {}))

    assert data.train_queries is not None
    assert data.validation_queries is not None
    assert (np.diff(data.train_queries) >= 0).all()
    assert not set(data.train_queries) & set(data.validation_queries)
    assert len(data.train_queries) == len(data.train) == len(data.train_truth)


def test_an_order_has_two_recipes_with_checked_params() -> None:
    assert [one.id for one in recipes_for(RANKING)] == ["baseline", "lightgbm_rank"]
    assert params_clean("lightgbm_rank", {})["truncation"] == 30
    with pytest.raises(RecipeError, match="Give a whole number, at least 1"):
        params_clean("lightgbm_rank", {"truncation": 0})


def test_serving_answers_an_order_with_scores() -> None:
    version = RouteVersion("v", "m", 3, "skops", (), {}, None, RANKING, None, None)
    answers = Answers(version)
    scores = Scores(array("d", [0.5, -1.25]), 1)

    tensor = json.loads(answers.v2('"m"', V2Request(2, {}, None, None), scores, []))["outputs"][0]

    assert (tensor["name"], tensor["datatype"], tensor["data"]) == ("score", "FP64", [0.5, -1.25])
    assert [one["name"] for one in answers.outputs] == ["score"]
    assert json.loads(answers.invocation(scores, [])) == {"predictions": [0.5, -1.25]}
    assert json.loads(answers.row(scores, 1, [])) == {"score": -1.25}
    assert answers.score(scores, 1, []) == -1.25
