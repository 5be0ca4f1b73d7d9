"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.registries import Station, station_register
from apps.evaluations import selectors as evaluations
from apps.evaluations.contracts import evaluation_finished_register, evaluation_panel_register, gate_lines_register
from apps.gates import selectors
from apps.gates.columns import objective_columns
from apps.gates.services import verdict_record
from apps.problems.contracts import objective_columns_register
from apps.registry.contracts import VersionVerdict, version_verdict_register
from workers.contracts.exports import GateLine

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.registry.models import ModelVersion


def station_evaluation(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The fourth buoy: the newest evaluation of the problem and what its gates say."""
    found = selectors.newest_judged(actor, problem_id)
    if found is None:
        return Station("evaluation", "Evaluation", state="not evaluated", wait="Data scientist evaluates a version")
    evaluation, summary = found
    label, of = f"Evaluation {evaluation.number}", f"v{evaluation.model_version.number}"
    url = reverse("evaluation-detail", args=[evaluation.pk])
    ships = ((f"v{evaluation.model_version.number} candidate", "candidate"),)
    if evaluation.state == "RUNNING":
        return Station("evaluation", "Evaluation", "running", "info", label, url, of, ships=ships)
    if evaluation.state == "FAILED":
        return Station(
            "evaluation", "Evaluation", "failed", "bad", label, url, of, wait="Evaluate again", ahead=False, ships=ships
        )
    return Station("evaluation", "Evaluation", summary.headline, summary.tone, label, url, of, ahead=False)


def _gates_panel(actor: Actor, evaluation: Evaluation) -> Mapping[str, Any] | None:
    if evaluation.state != "COMPLETE":
        return None
    return selectors.gates_shown(selectors.gate_list(evaluation))


def _gates_figure(actor: Actor, evaluation: Evaluation) -> Mapping[str, Any] | None:
    if evaluation.state != "COMPLETE":
        return None
    return {"gate_summary": selectors.gate_summary(evaluation)}


def _gate_lines(evaluation: Evaluation) -> list[GateLine]:
    return [
        GateLine(gate.name, gate.group_label, gate.get_outcome_display(), gate.blocks, gate.sentence)
        for gate in selectors.gate_list(evaluation)
    ]


def _version_verdict(actor: Actor, version: ModelVersion) -> VersionVerdict | None:
    evaluation = evaluations.latest_for(version)
    if evaluation is None:
        return None
    summary = selectors.gate_summary(evaluation)
    return VersionVerdict(
        summary.tone,
        f"Gates: {summary.words}.",
        f"Judged on evaluation {evaluation.number}.",
        "See the gates",
        f"{reverse('evaluation-detail', args=[evaluation.pk])}#gates-list",
    )


def register() -> None:
    """The verdict that completes an evaluation, its parts of the pages, and the station of the strip."""
    evaluation_finished_register(verdict_record)
    gate_lines_register(_gate_lines)
    evaluation_panel_register("gates/_panel.html", _gates_panel, place="main", order=10)
    evaluation_panel_register("gates/_figure.html", _gates_figure, place="verdict", order=10)
    version_verdict_register(_version_verdict)
    objective_columns_register(objective_columns)
    station_register("evaluation", station_evaluation)
