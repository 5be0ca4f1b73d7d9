"""What a version still lacks before anybody can be asked to approve it, and where each gap is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from apps.evaluations import selectors as evaluations
from apps.problems import selectors as problems
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class Missing:
    """One gap in words, and the step that closes it (`fix` empty: nothing does)."""

    text: str
    fix: str = ""
    url: str = ""
    post: str = ""

    def __str__(self) -> str:
        return self.text


def request_missing(version: ModelVersion, evaluation: Evaluation | None) -> list[Missing]:
    """Everything that stands in the way of a request; empty when it can be sent."""
    missing = []
    page = reverse("version-detail", args=[version.pk])
    gap = registry.model_missing(version)
    if gap:
        return [Missing(f"{gap} Nothing of it could go live.", "See the version", page)]
    if version.state != "SEALED":
        reason = f": {version.quarantine_reason}" if version.quarantine_reason else ""
        missing.append(Missing(f"The version is {version.get_state_display()}{reason}.", "See the version", page))
    missing += [
        Missing(f"The lineage lacks {part}.", "See the lineage", page) for part in registry.lineage_missing(version)
    ]
    gap = registry.signature_missing(version)
    if gap:
        missing.append(Missing(gap, "Give it a signature", reverse("version-signature", args=[version.pk])))
    if version.model.problem is None:
        missing.append(Missing("The model belongs to no problem.", "Attach the model to one", page))
    launch = reverse("evaluation-launch")
    if evaluation is None:
        missing.append(Missing("There is no complete evaluation of this version yet.", "Evaluate", launch, "version"))
        return missing
    if evaluation.state != "COMPLETE":
        detail = reverse("evaluation-detail", args=[evaluation.pk])
        missing.append(Missing(f"The evaluation is {evaluation.get_state_display()}.", "See the evaluation", detail))
    agreed = problems.version_current(evaluation.problem)
    if agreed is None or evaluation.problem_version_id != agreed.pk:
        missing.append(
            Missing(
                "The problem has a newer version than the evaluation: evaluate again.",
                "Evaluate again",
                launch,
                "version",
            )
        )
    elif not missing and evaluations.behaviour_unasked(evaluation):
        changed = "The behaviour tests were changed since the evaluation: evaluate again."
        missing.append(Missing(changed, "Evaluate again", launch, "version"))
    return missing
