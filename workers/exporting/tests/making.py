"""Evidence for tests: reports that the analysis measured on small synthetic rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.behaviour import Subject
from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.segments import PROTECTED, Bands, SegmentSpec, Support
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.findings import Asked, BehaviourAsked, Member, Trials, Tried, findings_make
from workers.contracts.exports import Facts, GateLine
from workers.exporting.evidence import Evidence

HOSTILE = "</script><img src=x onerror=alert(1)>"
RARE = "Заря"
LEAST = Support(50, 10, 10)
SEGMENTS = (
    SegmentSpec(
        id="s1",
        name="Age",
        expression="age",
        purpose=PROTECTED,
        bands=Bands((25.0, 35.0), ("under 25", "25 to 34", "35 and over")),
        least_support=LEAST,
    ),
    SegmentSpec(id="s2", name="Возраст", expression="district", purpose=PROTECTED, least_support=LEAST),
    SegmentSpec(id="s3", name="Work", expression="work", least_support=LEAST),
)
FACTS = Facts(
    evaluation_id="0192f0c0-0000-7000-8000-000000000001",
    number=3,
    problem="Release before trial",
    problem_version=2,
    model="release version 4",
    model_version_id="0192f0c0-0000-7000-8000-000000000002",
    model_digest="a" * 64,
    recipe="logistic_regression",
    against="release version 2",
    data="arrests version 1",
    data_digest="b" * 64,
    part="test",
    target="released",
    candidate="version 4",
    baseline="version 2",
    positive_word="released",
    negative_word="held",
    noun="people",
    units="arrests",
    currency="C$",
    words={"false_positive": "wrongly released", "false_negative": "wrongly held"},
    headline="Version 4 would wrongly hold 52 of every 100 people aged 35 and over; version 2 holds 7.",
    more="It wrongly releases fewer.",
    tone="worse",
    metric="fnr",
    flips="Version 4 spoils more answers than it mends.",
    slices="",
    fairness="One of two criteria with a limit fails.",
    team="Pretrial services",
    launched_by="Sam",
    completed_at="2026-11-30T05:12:00+00:00",
    report_digest="c" * 64,
    findings_digest="d" * 64,
    gates=(
        GateLine("Wrongly held", "35 and over", "fail", True, "51.7 %, more than 12 % allow."),
        GateLine("Cost", "everyone", "pass", False, "18 400 of 21 000."),
    ),
    legal_notes={"Age": "Age may not be a reason."},
)


def _rows(n: int) -> tuple[np.random.Generator, pa.Table]:
    """Six people of the rare district, eight with seldom work; other work is what no file may take for its own."""
    rng = np.random.default_rng(0)
    district = np.where(rng.random(n) < 0.4, "North", "South").astype(object)
    district[:6] = RARE
    work = np.where(rng.random(n) < 0.6, HOSTILE, "a|b\n[x](javascript:alert(1)) *c* $d$").astype(object)
    work[:8] = "seldom"
    return rng, pa.table({"age": rng.integers(16, 60, n), "district": district, "work": work})


def _trials(*, baseline: bool) -> Trials:
    """A candidate that goes by age, and two tests: one that fails, and one of a column that is not there."""

    def predict(table: pa.Table) -> Any:
        return np.clip(np.asarray(table["age"]) / 60, 0, 1)

    older = {
        "schema": 1,
        "name": HOSTILE,
        "kind": "DIRECTION",
        "why": "Age speaks for release.",
        "change": [{"column": "age", "add": 5}],
        "direction": "DOWN",
    }
    absent = {
        "schema": 1,
        "name": "Height must not matter",
        "kind": "INVARIANCE",
        "why": "Nobody is taller than the law.",
        "change": [{"column": "height", "add": 1}],
    }
    tests = [BehaviourAsked(f"t{place}", 1, place == 0, one) for place, one in enumerate((older, absent))]
    tried = Tried(Subject(predict, "BINARY", 0.5, "Yes"), frozenset({"age"}))
    return Trials(candidate=tried, baseline=tried if baseline else None, tests=tests)


def evidence_make(*, baseline: bool = True, n: int = 1200, regions: int = 0, **facts: Any) -> Evidence:
    """Two classes; the candidate lowers the scores of people aged 35 and over; `regions` groups of one segment more."""
    rng, columns = _rows(n)
    segments = SEGMENTS
    if regions:
        columns = columns.append_column("region", pa.array([f"Region {number % regions}" for number in range(n)]))
        segments = (*SEGMENTS, SegmentSpec(id="s4", name="Region", expression="region", least_support=LEAST))
    truth = rng.random(n) < 0.7
    live = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.6 * truth)))
    new = np.clip(live - 0.6 * (np.asarray(columns["age"]) >= 35) * rng.random(n), 0, 1)
    rows = EvaluationRows(
        row_ids=np.arange(n),
        truth=truth,
        columns=columns,
        candidate=ModelOutput(scores=np.round(new, 3), threshold=0.5),
        baseline=ModelOutput(scores=np.round(live, 3), threshold=0.5) if baseline else None,
    )
    spec = EvaluateSpec(
        task="BINARY",
        segments=segments,
        positive_label="Yes",
        costs=Costs(1200, 400),
        least_support=LEAST,
        margins={"fnr": 0.05},
    )
    report, _ = evaluate_table(rows, spec)
    members = [
        Member("m1", "release 4", rows.candidate),
        Member("m2", "release 5", ModelOutput(scores=np.round(live, 3), threshold=0.5)),
    ]
    limits = {"Age": {"DEMOGRAPHIC_PARITY": 0.3}}
    found = findings_make(rows, spec, Asked(["age"], limits=limits, trials=_trials(baseline=baseline), members=members))
    told = FACTS if baseline else replace(FACTS, baseline="", against="")
    return _read(replace(told, **facts), report.to_json(), found.findings.to_json())


def evidence_other(task: str) -> Evidence:
    """Many classes, a number, or an order."""
    rng, columns = _rows(900)
    n = columns.num_rows
    if task == "MULTICLASS":
        truth: Any = rng.integers(0, 3, n)
        raw = [np.eye(3)[truth] + noise * rng.random((n, 3)) for noise in (2.0, 1.6)]
        outputs = [ModelOutput(scores=one / one.sum(axis=1, keepdims=True)) for one in raw]
        spec = EvaluateSpec(task=task, segments=SEGMENTS, classes=("cat", "dog", "=bird"), costs=ClassCosts(5))
    elif task == "RANKING":
        truth = rng.integers(0, 4, n).astype(float)
        outputs = [ModelOutput(scores=truth + rng.normal(0, noise, n)) for noise in (0.7, 2.0)]
        spec = EvaluateSpec(task=task, segments=SEGMENTS)
    else:
        truth = rng.normal(20, 5, n)
        outputs = [ModelOutput(predicted=truth + rng.normal(0, noise, n)) for noise in (3.0, 2.0)]
        spec = EvaluateSpec(task=task, segments=SEGMENTS, tolerance=2.0, costs=UnitCosts(3))
    queries = np.arange(n) // 12 if task == "RANKING" else None
    rows = EvaluationRows(np.arange(n), truth, columns, outputs[0], outputs[1], queries=queries)
    report, _ = evaluate_table(rows, spec)
    facts = replace(
        FACTS,
        metric={"MULTICLASS": "accuracy", "RANKING": "ndcg:10"}.get(task, "mae"),
        positive_word="",
        negative_word="",
    )
    return _read(facts, report.to_json(), None)


def _read(facts: Facts, report: dict[str, Any], findings: dict[str, Any] | None) -> Evidence:
    """As the child reads it."""
    return Evidence.from_json(facts.to_json(), report, findings)
