"""Rankings: quality by query against scikit-learn, exposure by item, and what a divided query leaves undefined."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from sklearn import metrics as sk

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Report
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.segment_metrics.ranking import ranking_rows
from analysis.statistics import Statistics, statistics_write
from analysis.tests.factories import NO_LEAST, make_segment

QUERIES, ITEMS = 120, 12


def ranked(seed: int = 1) -> EvaluationRows:
    """120 queries of 12 items, shuffled; the baseline hears less of the relevance. Sellers divide queries."""
    rng = np.random.default_rng(seed)
    n = QUERIES * ITEMS
    query = np.repeat(np.arange(QUERIES), ITEMS)
    relevance = np.where(query % 10 == 0, 0, rng.choice(4, n, p=[0.55, 0.25, 0.15, 0.05]))
    table = pa.table(
        {"market": np.where(query % 3 == 0, "north", "south"), "seller": rng.choice(["large", "small"], n)}
    )
    mixed = rng.permutation(n)
    scores = [(relevance + noise * rng.normal(size=n))[mixed] for noise in (0.7, 2.0)]
    return EvaluationRows(
        np.arange(n),
        relevance[mixed],
        table.take(mixed),
        ModelOutput(scores=scores[0]),
        ModelOutput(scores=scores[1]),
        queries=query[mixed],
    )


SEGMENTS = (
    make_segment("Market", "market", least_support=NO_LEAST),
    make_segment("Seller", "seller", "PROTECTED", least_support=NO_LEAST),
)
SPEC = EvaluateSpec("RANKING", SEGMENTS, least_support=NO_LEAST, cutoffs=(5, 10))


@pytest.fixture(scope="module")
def report() -> Report:
    found, arrays = evaluate_table(ranked(), SPEC)
    assert "overall" in Statistics.read(statistics_write(arrays)).rows
    return found


def test_quality_equals_scikit_learn(report: Report) -> None:
    rows = ranked()
    assert rows.candidate.scores is not None
    assert rows.queries is not None
    market = np.asarray(rows.columns["market"].to_pylist())

    for key, inside in (("overall", market != ""), ("Market=north", market == "north")):
        gains, precisions, firsts = [], [], []
        for query in np.unique(rows.queries[inside]):
            own = rows.queries == query
            truth, score = rows.truth[own], rows.candidate.scores[own]
            if not truth.any():
                continue
            gains.append(sk.ndcg_score([2.0**truth - 1], [score], k=5))
            order = np.argsort(-score)
            hits = truth[order][:10] > 0
            precise = np.cumsum(hits) / np.arange(1, 11)
            precisions.append((precise * hits).sum() / min(10, (truth > 0).sum()))
            firsts.append(1 / (1 + np.flatnonzero(truth[order])[0]))
        group = report.group(key)
        assert group is not None
        for name, values in (("ndcg:5", gains), ("map:10", precisions), ("mrr", firsts)):
            found = group.metrics[name]
            assert found.value == pytest.approx(np.mean(values), abs=1e-12), name
            assert found.n == len(values)
            half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
            assert found.low == pytest.approx(np.mean(values) - half, abs=1e-6)


def test_a_full_list_has_scikit_learns_average_precision() -> None:
    rng = np.random.default_rng(3)
    truth, score = (rng.random(60) < 0.3).astype(float), rng.random(60)

    found = ranking_rows(np.zeros(60), truth, score, (60,))

    assert found.quality["map:60"][0] == pytest.approx(sk.average_precision_score(truth, score))


def test_a_segment_that_divides_queries_has_exposure_but_no_quality(report: Report) -> None:
    small, large = report.group("Seller=small"), report.group("Seller=large")
    assert small is not None
    assert large is not None

    assert small.metrics["ndcg:5"].undefined == "the segment divides the items of a query"
    exposure = [group.metrics["exposure"].value or 0 for group in (small, large)]
    counts = [group.n or 0 for group in (small, large)]
    mean = (1 / np.log2(1 + np.arange(1, ITEMS + 1))).mean()
    assert np.average(exposure, weights=counts) == pytest.approx(mean)
    kinds = {(one.dimension, one.kind, one.metric) for one in report.disparities if one.value is not None}
    assert {
        ("Seller", "RATIO", "exposure_merit"),
        ("Seller", "RANGE", "exposure"),
        ("Market", "RANGE", "ndcg:5"),
    } <= kinds


def test_the_better_ranking_is_found_pairing_queries(report: Report) -> None:
    paired = report.overall.paired
    assert paired is not None

    assert paired.differences["ndcg:10"].verdict == "better"
    assert paired.differences["mrr"].verdict == "better"
    assert paired.differences["exposure"].value == pytest.approx(0, abs=1e-12)
    assert Report.from_json(report.to_json()) == report
    assert metric_get("ndcg:10").label == "NDCG@10"


def test_equal_scores_earn_nothing_and_the_order_of_rows_does_not_matter() -> None:
    truth = np.array([3.0, 0.0, 1.0, 0.0])
    back = np.arange(4)[::-1]

    one, two = (
        ranking_rows(np.zeros(4), truth, np.ones(4), (4,)),
        ranking_rows(np.zeros(4), truth[back], np.ones(4), (4,)),
    )

    assert one.quality["mrr"][0] == pytest.approx(1 / 3)
    for name in one.quality:
        assert one.quality[name][0] == two.quality[name][0]


def test_a_query_without_a_relevant_item_has_no_quality() -> None:
    rows = EvaluationRows(
        np.arange(4),
        np.zeros(4),
        pa.table({"x": [1] * 4}),
        ModelOutput(scores=np.arange(4.0)),
        queries=np.array([1, 1, 2, 2]),
    )

    report, _ = evaluate_table(rows, EvaluateSpec("RANKING"))

    assert report.overall.metrics["mrr"].undefined == "no query has a relevant item"
    assert report.overall.metrics["exposure_merit"].value is None
    assert report.overall.metrics["exposure"].value == pytest.approx((1 + 1 / np.log2(3)) / 2)
    assert report.overall.thin == "n = 4, needs 100"


def test_rankings_are_checked() -> None:
    rows = ranked()
    bare = EvaluationRows(rows.row_ids, rows.truth, rows.columns, rows.candidate)

    with pytest.raises(ValueError, match="query of every row"):
        evaluate_table(bare, SPEC)
    with pytest.raises(ValueError, match="0 or more"):
        ranking_rows(np.zeros(2), np.array([-1.0, 0]), np.zeros(2), (1,))
    with pytest.raises(ValueError, match="finite"):
        ranking_rows(np.zeros(2), np.zeros(2), np.array([np.nan, 0]), (1,))
