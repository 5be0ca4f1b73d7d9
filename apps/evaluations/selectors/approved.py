"""The numbers on which a version was approved, to be held beside today's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from analysis.contracts.report import Report
from apps.core.actors import Actor
from apps.evaluations.contracts import approvals_of
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors.evaluations import evaluation_list, report_of

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

MOST_LOOKED_AT: Final = 50


@dataclass(frozen=True, slots=True)
class Approved:
    """An evaluation on which a release of a version was approved; `when` tells the day."""

    evaluation: Evaluation
    version: ModelVersion
    report: Report
    when: str


def approved_of(actor: Actor, evaluation: Evaluation) -> Approved | None:
    """Of the version that an evaluation compares with, else of its own: the newest other evaluation that was approved.

    None where neither was approved on one that the actor may see.
    """
    wanted = [one for one in (evaluation.baseline_version, evaluation.model_version) if one is not None]
    rows = evaluation_list(actor, problem_id=evaluation.problem_id).filter(
        model_version__in=[one.pk for one in wanted], state=Evaluation.State.COMPLETE
    )
    found = list(rows.exclude(pk=evaluation.pk).order_by("-completed_at", "-id")[:MOST_LOOKED_AT])
    told = approvals_of([one.pk for one in found])
    for version in wanted:
        for one in found:
            if one.model_version_id == version.pk and told.get(one.pk):
                full = Evaluation.objects.only("report", "report_digest", "state").get(pk=one.pk)
                return Approved(one, version, report_of(full), told[one.pk])
    return None
