"""Columns of the problem's objectives table: what two versions reached on the same rows, and the gates of the newer."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from analysis.contracts.metrics import FACT, FACTS, metric_get
from analysis.contracts.report import Report
from analysis.contracts.wording import amount_text, change_text
from apps.core import formats
from apps.core.actors import Actor
from apps.evaluations import selectors as evaluations
from apps.gates.models import GateResult
from apps.gates.selectors import gate_list
from apps.problems import selectors as problems
from apps.problems.contracts import ObjectiveCell, ObjectiveColumn
from apps.registry import selectors as registry
from apps.registry.contracts import live_version_id

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.problems.models import Objective

Values = tuple[float | None, float | None]
"""Of the evaluated version, and of the one it was compared with."""


def objective_columns(actor: Actor, problem_id: uuid.UUID) -> list[ObjectiveColumn]:
    """From the newest complete evaluation of the problem; none before the first, nor when the objectives have changed
    since, as their gates were never judged.
    """
    judged = evaluations.evaluation_list(actor, problem_id=problem_id).filter(state="COMPLETE")
    evaluation = judged.select_related("problem_version").order_by("-id").first()
    if evaluation is None:
        return []
    agreed = problems.version_current(evaluation.problem)
    if agreed is None or agreed.pk != evaluation.problem_version_id:
        return []
    report = evaluations.report_of(evaluation)
    deciding: dict[uuid.UUID, GateResult] = {}
    for gate in gate_list(evaluation):
        if gate.objective_id is None:
            continue  # a behaviour test has no column
        deciding.setdefault(gate.objective_id, gate)
    return _columns(evaluation, report, deciding)


def _columns(evaluation: Evaluation, report: Report, deciding: dict[uuid.UUID, GateResult]) -> list[ObjectiveColumn]:
    version, baseline = evaluation.model_version, evaluation.baseline_version
    live_id = live_version_id(version.model_id)
    currency = problems.currency_of(evaluation.problem_version)
    facts = [registry.complexity_of(one) if one is not None else {} for one in (version, baseline)]
    values = {
        pk: _facts(gate, *facts) if _aim(gate).metric in FACTS else _values(gate, report)
        for pk, gate in deciding.items()
    }

    def cells(side: int) -> dict[uuid.UUID, ObjectiveCell]:
        return {
            pk: ObjectiveCell(_text(deciding[pk], value, currency))
            for pk, pair in values.items()
            if (value := pair[side]) is not None
        }

    found = []
    if baseline is not None:
        kind = "LIVE" if live_id == baseline.pk else ""
        found.append(ObjectiveColumn(f"v{baseline.number}", cells(1), kind))
    is_brought = version.brought_on_id is not None  # never on its way to being live
    kind = "LIVE" if live_id == version.pk else "" if is_brought else "CANDIDATE"
    found.append(ObjectiveColumn(f"v{version.number}", cells(0), kind))
    gates = {
        pk: ObjectiveCell("", gate.outcome, gate.group_label if gate.group_key != "overall" else "")
        for pk, gate in deciding.items()
    }
    held = "rows" if is_brought else "held-out rows"
    rows = f"{formats.num(evaluation.row_count)} {held} of {evaluation.dataset_version}"
    foot = f"Evaluation {evaluation.number}, {rows}. Of several groups, the one that decides."
    return [*found, ObjectiveColumn(f"Gate for v{version.number}", gates, numeric=False, foot=foot)]


def _values(gate: GateResult, report: Report) -> Values:
    aim = _aim(gate)
    metric = aim.metric
    if aim.scope == "DISPARITY":
        wanted = (gate.group_key, metric, "RANGE")
        gap = next((one for one in report.disparities if (one.dimension, one.metric, one.kind) == wanted), None)
        return (None, None) if gap is None else (gap.value, (gap.baseline or {}).get("value"))
    group = report.group(gate.group_key)
    if group is None:
        return None, None
    own, base = group.metrics.get(metric), (group.baseline or {}).get(metric)
    return (own.value if own else None), (base.value if base else None)


def _facts(gate: GateResult, own: dict[str, float], base: dict[str, float]) -> Values:
    name = _aim(gate).metric.removeprefix(FACT)
    return own.get(name), base.get(name)


def _text(gate: GateResult, value: float, currency: str) -> str:
    aim = _aim(gate)
    say = change_text if aim.scope == "DISPARITY" else amount_text
    return say(metric_get(aim.metric), value, currency=currency)


def _aim(gate: GateResult) -> Objective:
    """The objective of a gate that has one: others get no column."""
    if gate.objective is None:
        raise ValueError("A behaviour test is no objective")
    return gate.objective
