"""Evaluations for tests: real reports computed by the analysis on small synthetic rows, finished through the jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from django.db import connection

from analysis.behaviour import Subject
from analysis.contracts.costs import ClassCosts, Costs, UnitCosts
from analysis.contracts.findings import FLIP_ROWS
from analysis.contracts.report import Report
from analysis.contracts.segments import SegmentSpec, Support
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput, evaluate_table
from analysis.findings import Asked, BehaviourAsked, Found, Member, Trials, Tried, findings_make
from analysis.statistics import statistics_write
from apps.accounts.models import Team
from apps.core.blobs import blob_write
from apps.core.tests.remember import remembered
from apps.evaluations import services
from apps.evaluations.models import Evaluation
from apps.evaluations.services import Extras
from apps.jobs import services as jobs
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited
from apps.problems import selectors as problems
from apps.registry.contracts import _live_lookup, live_lookup_register
from apps.registry.models import ModelVersion
from apps.training.tests.factories import Ground, ground_make, job_end_well, launch_make


def columns_make(rng: np.random.Generator, n: int) -> pa.Table:
    """Age, colour and employment of n people."""
    return pa.table(
        {
            "age": rng.integers(16, 60, n),
            "colour": np.where(rng.random(n) < 0.3, "Black", "White"),
            "employed": np.where(rng.random(n) < 0.7, "Yes", "No"),
        }
    )


def report_make(
    segments: Sequence[SegmentSpec] = (),
    *,
    n: int = 1500,
    seed: int = 0,
    baseline: bool = True,
    harm: float = 0.6,
    same: bool = False,
    least: Support | None = None,
    margins: dict[str, float] | None = None,
    asked: Mapping[str, Any] | None = None,
    weighted: bool = False,
) -> tuple[Report, bytes]:
    """A report of two classes in which the candidate lowers the scores of people aged 35 and over by `harm`.

    `same` makes both versions answer alike; `asked` is the spec of a job that asks for more than the usual;
    `weighted` lets rows count by a weight.
    """
    rows, spec = _scored(
        segments, n=n, seed=seed, baseline=baseline, harm=harm, same=same, least=least, margins=margins
    )
    if weighted:
        rows = replace(rows, weights=np.random.default_rng(1).uniform(0.5, 3, n))
    more = Extras.of(asked or {})
    triples = tuple((one[0], one[1], one[2]) for one in more.triples)
    spec = replace(spec, controls=more.controls, triples=triples, sensitivities=more.sensitivities)
    importance = [{"feature": "age", "value": 0.08}, {"feature": "=colour", "value": 0.002}]
    report, arrays = evaluate_table(rows, spec, importance=importance)
    return report, statistics_write(arrays)


def found_make(
    segments: Sequence[SegmentSpec] = (),
    *,
    trials: Trials | None = None,
    together: Sequence[Mapping[str, Any]] = (),
    weighted: bool = False,
    **story: Any,
) -> Found:
    """What is found in the same rows beyond the report. `together` are references of versions, the candidate first:
    the second answers better than it, every further one guesses. `weighted` lets rows count by a weight.
    """
    rows, spec = _scored(segments, **story)
    if weighted:
        rows = replace(rows, weights=np.random.default_rng(1).uniform(0.5, 3, len(rows.truth)))
    limits = {"Colour": {"DEMOGRAPHIC_PARITY": 0.3}}
    rng = np.random.default_rng(8)
    truth = rows.truth.astype(np.float64)
    outputs = [rows.candidate, ModelOutput(scores=np.clip(0.3 + 0.4 * truth + 0.3 * rng.normal(size=truth.size), 0, 1))]
    outputs += [ModelOutput(scores=rng.random(truth.size)) for _ in together[2:]]
    members = [
        Member(one["version_id"], f"{one['name']} {one['number']}", output)
        for one, output in zip(together, outputs, strict=False)
    ]
    return findings_make(rows, spec, Asked(["age", "employed"], limits=limits, trials=trials, members=members))


def trials_make(asked: Sequence[dict[str, Any]], by_colour: float) -> Trials:
    """Two models to be asked again: the candidate takes `by_colour` from the score of Black people, the baseline reads
    the age only. The candidate was trained on rows like those of the test.
    """

    def subject(weight: float) -> Subject:
        def predict(table: pa.Table) -> Any:
            black = np.asarray([one == "Black" for one in table["colour"].to_pylist()])
            return np.clip(0.4 + np.asarray(table["age"]) / 200 - weight * black, 0, 1)

        return Subject(predict, "BINARY", 0.5, "Yes")

    train = columns_make(np.random.default_rng(99), 900)
    return Trials(
        candidate=Tried(subject(by_colour), frozenset({"age", "colour", "employed"})),
        baseline=Tried(subject(0.0), frozenset({"age"})),
        tests=[BehaviourAsked(one["id"], one["number"], one["critical"], one["test"]) for one in asked],
        train=train,
        target="employed",
    )


def _scored(
    segments: Sequence[SegmentSpec] = (),
    *,
    n: int = 1500,
    seed: int = 0,
    baseline: bool = True,
    harm: float = 0.6,
    same: bool = False,
    least: Support | None = None,
    margins: dict[str, float] | None = None,
) -> tuple[EvaluationRows, EvaluateSpec]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.7
    columns = columns_make(rng, n)
    old = np.asarray(columns["age"]) >= 35
    signal = rng.normal(size=n) + 1.6 * truth
    live = 1 / (1 + np.exp(-(signal + 0.3 * rng.normal(size=n))))
    new = live if same else np.clip(live - harm * old * rng.random(n), 0.0, 1.0)
    rows = EvaluationRows(
        row_ids=np.arange(n),
        truth=truth,
        columns=columns,
        candidate=ModelOutput(scores=np.round(new, 3), threshold=0.5),
        baseline=ModelOutput(scores=np.round(live, 3), threshold=0.5) if baseline else None,
    )
    spec = EvaluateSpec(
        task="BINARY",
        segments=tuple(replace(one, least_support=least or Support(50, 10, 10)) for one in segments),
        positive_label="Yes",
        costs=Costs(1200, 400),
        least_support=Support(50, 10, 10),
        margins=margins or {"fnr": 0.05},
    )
    return rows, spec


def report_other(task: str, segments: Sequence[SegmentSpec] = (), *, n: int = 900) -> Report:
    """A report of many classes, of a number or of an order."""
    report, _ = evaluate_table(*other_scored(task, segments, n=n))
    return report


def other_scored(
    task: str, segments: Sequence[SegmentSpec] = (), *, n: int = 900
) -> tuple[EvaluationRows, EvaluateSpec]:
    """The rows of such a report."""
    rng = np.random.default_rng(3)
    columns = columns_make(rng, n)
    if task == "MULTICLASS":
        truth = rng.integers(0, 3, n)

        def scores(noise: float) -> Any:
            raw = np.eye(3)[truth] + noise * rng.random((n, 3))
            return raw / raw.sum(axis=1, keepdims=True)

        outputs = [ModelOutput(scores=scores(noise)) for noise in (2.0, 1.6)]
        spec = EvaluateSpec(task=task, segments=tuple(segments), classes=("cat", "dog", "=bird"), costs=ClassCosts(5))
    elif task == "RANKING":
        truth = rng.integers(0, 4, n).astype(float)
        outputs = [ModelOutput(scores=truth + rng.normal(0, noise, n)) for noise in (0.7, 2.0)]
        spec = EvaluateSpec(task=task, segments=tuple(segments), cutoffs=(5, 10))
    else:
        truth = rng.normal(20, 5, n)
        outputs = [ModelOutput(predicted=truth + rng.normal(0, noise, n)) for noise in (3.0, 2.0)]
        spec = EvaluateSpec(task=task, segments=tuple(segments), tolerance=2.0, costs=UnitCosts(3))
    queries = np.arange(n) // 12 if task == "RANKING" else None
    rows = EvaluationRows(np.arange(n), truth, columns, outputs[0], outputs[1], queries=queries)
    return rows, spec


def version_trained(ground: Ground, *, recipe: str = "logistic_regression", **facts: Any) -> ModelVersion:
    """A sealed version of the problem's model, trained through a job."""
    launch = launch_make(ground, recipe=recipe)
    job_end_well(launch, **facts)
    launch.refresh_from_db()
    version = launch.model_version
    assert version is not None
    return version


def live_set(version: ModelVersion | None) -> None:
    """Let the registry know this version as the one of its model that answers; None: nothing answers at all."""
    if version is None:
        live_lookup_register(lambda model_ids: {})
        return
    own, before = {version.model_id: version.pk}, _live_lookup[0] if _live_lookup else None
    live_lookup_register(lambda model_ids: {**(before(model_ids) if before else {}), **own})


@dataclass
class Stage:
    """A problem with a live version and a candidate."""

    ground: Ground
    live: ModelVersion
    candidate: ModelVersion

    @property
    def team(self) -> Team:
        return self.ground.team


def stage_make(**problem: Any) -> Stage:
    """Two sealed versions, the first of them live."""
    stage = _stage_make(**problem)
    live_set(stage.live)
    return stage


@remembered
def _stage_make(**problem: Any) -> Stage:
    ground = ground_make(rows=120, **problem)
    live = version_trained(ground)
    candidate = version_trained(ground, recipe="hist_gradient_boosting")
    return Stage(ground, live, candidate)


def evaluation_running(stage: Stage, **fields: Any) -> Evaluation:
    """An evaluation whose job is queued."""
    return services.evaluation_launch(
        actor=stage.ground.scientist, model_version_id=fields.pop("version", stage.candidate).pk, **fields
    )


def task_set(evaluation: Evaluation, task: str) -> None:
    """Give the problem another task, behind its seal: a stage of that task would take other data and recipes."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE problems_problemversion SET task = %s WHERE id = %s", [task, evaluation.problem_version_id]
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def evaluation_end(
    evaluation: Evaluation, payload: dict[str, Any], statistics: bytes = b"", flip_rows: dict[str, Any] | None = None
) -> Job:
    """Do what worker and child do: claim, start, report, exit 0."""
    claim, _ = claim_make(Job.objects.get(pk=evaluation.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    attempt = JobAttempt.objects.get(pk=claim.attempt_id)
    attempt.result = payload
    files = {"statistics.npz": statistics, FLIP_ROWS: json.dumps(flip_rows).encode() if flip_rows else b""}
    refs = {name: blob_write([content]) for name, content in files.items() if content}
    if refs:
        attempt.outputs = {name: {"sha256": ref.sha256, "size": ref.size} for name, ref in refs.items()}
    attempt.save()
    return jobs.job_finish(claim=claim, status=exited(0))


def evaluation_complete(
    stage: Stage, *, report: Report | None = None, findings: bool = False, **fields: Any
) -> Evaluation:
    """A complete evaluation of the candidate against the live version, judged by the gates.

    `findings` looks for weak slices, flips and criteria too; without, it is as evaluations were before. `by_colour`
    runs the problem's behaviour tests on a candidate that goes by colour so much, and looks for leakage.
    """
    by_colour = fields.pop("by_colour", None)
    story = {name: fields.pop(name) for name in ("harm", "same", "n", "least", "seed", "weighted") if name in fields}
    evaluation = evaluation_running(stage, **fields)
    statistics = b""
    if report is None:
        specs = problems.segment_specs(evaluation.problem_version)
        report, statistics = report_make(specs, asked=evaluation.job.spec, **story)
    payload, found = {"report": report.to_json()}, None
    members = evaluation.job.spec.get("members") or []
    if findings or members or by_colour is not None:
        asked = evaluation.job.spec["behaviour"]
        trials = None if by_colour is None else trials_make(asked, by_colour)
        together = [evaluation.job.spec["candidate"], *members] if members else []
        specs = problems.segment_specs(evaluation.problem_version)
        found = found_make(specs, trials=trials, together=together, **story)
        payload["findings"] = found.findings.to_json()
    evaluation_end(evaluation, payload, statistics, found.flip_rows if found is not None else None)
    evaluation.refresh_from_db()
    return evaluation
