"""One group over the evaluations of a problem: how a metric went from version to version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import F, Func, JSONField, Value

from analysis.contracts.report import Estimate
from apps.core.actors import Actor
from apps.evaluations.contracts.listeners import approvals_of
from apps.evaluations.models import Evaluation

if TYPE_CHECKING:
    import uuid

MOST: Final = 12
"""Evaluations that are looked back on: the reports of all of them are read by the database."""


class _GroupOf(Func):
    """A group of the report without its curves, so that a long report does not leave the database."""

    function = "jsonb_path_query_first"
    template = "(%(function)s(%(expressions)s) - '{curves,baseline_curves}'::text[])"


@dataclass(frozen=True, slots=True)
class PastGroup:
    """A group in one evaluation; without an estimate, `reason` says why. `approved` says when a request was approved
    on the evaluation.
    """

    evaluation: Evaluation
    n: int | None
    estimate: Estimate | None
    reason: str
    approved: str


def group_history(actor: Actor, problem_id: uuid.UUID, key: str, metric: str) -> list[PastGroup]:
    """The group in the newest evaluations of the problem, the newest first."""
    rows = (
        Evaluation.objects.visible_to(actor)
        .filter(problem_id=problem_id, state=Evaluation.State.COMPLETE, archived_at__isnull=True)
        .select_related("model_version__model", "dataset_version__dataset")
        .only(
            *("number", "completed_at", "row_digest", "model_version__number", "model_version__model__name"),
            *("dataset_version__number", "dataset_version__dataset__name"),
        )
        .annotate(
            held=_GroupOf(
                F("report"),
                Value("$.groups[*] ? (@.key == $key)"),
                Value({"key": key}, JSONField()),
                output_field=JSONField(),
            )
        )
        .order_by("-id")[:MOST]
    )
    found = list(rows)
    approved = approvals_of([one.pk for one in found])
    return [_past(one, metric, approved.get(one.pk, "")) for one in found]


def _past(evaluation: Any, metric: str, approved: str) -> PastGroup:
    group = evaluation.held
    if group is None:
        return PastGroup(evaluation, None, None, "no such group then", approved)
    if group["suppressed"]:
        return PastGroup(evaluation, None, None, f"hidden: {group['suppressed']}", approved)
    held = group["metrics"].get(metric)
    if held is None:
        return PastGroup(evaluation, group["n"], None, "not measured then", approved)
    estimate = Estimate(**held)
    return PastGroup(evaluation, group["n"], estimate, estimate.undefined or group["thin"] or "", approved)
