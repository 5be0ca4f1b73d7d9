"""Whose numbers the matrix shows: the candidate's, those of what it is compared with, or those at approval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.http import HttpRequest

from analysis.contracts.report import NOT_PROVEN, Difference, Estimate, Group, Paired, Report
from apps.core import formats
from apps.evaluations.contracts import Speech
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors.approved import Approved, approved_of
from apps.evaluations.web.frame import group_url

CANDIDATE: Final = "candidate"
BASELINE: Final = "baseline"
APPROVED: Final = "approved"


def shown_of(request: HttpRequest, evaluation: Evaluation, report: Report, speech: Speech) -> dict[str, Any]:
    """What the matrix shows: `shown_report` to draw, where its groups lead, and the versions to choose from."""
    approved = approved_of(request.actor, evaluation)  # type: ignore[attr-defined]
    choices = [(CANDIDATE, _short(speech.candidate))]
    choices += [(BASELINE, _short(speech.baseline))] if report.has_baseline else []
    choices += [(APPROVED, f"Version {approved.version.number} as approved")] if approved is not None else []
    wanted = request.GET.get("of", "")
    current = wanted if wanted in dict(choices) else CANDIDATE
    shown, where, title, note = report, partial(group_url, evaluation.pk), f"{speech.candidate} with its change", ""
    if not report.has_baseline:
        title = ""
    if current == BASELINE:
        shown, title = _side_of(report), speech.baseline
        note = f"What {speech.baseline} is like on the same rows."
    elif current == APPROVED and approved is not None:
        shown = _approved(approved, report, evaluation)
        where = partial(group_url, approved.evaluation.pk)
        title = f"version {approved.version.number} as approved, with its change since"
        note = _note(approved, evaluation)
    return {
        "shown_report": shown,
        "shown_url": where,
        "shown_title": title,
        "shown_note": note,
        "shown_evaluation": approved.evaluation if current == APPROVED and approved is not None else None,
        "shown_choices": [{"code": code, "label": label, "current": code == current} for code, label in choices],
        "shown_compared": current != BASELINE and (current == APPROVED or report.has_baseline),
    }


def _short(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _note(approved: Approved, evaluation: Evaluation) -> str:
    past = approved.evaluation
    rows = "the same rows" if past.row_digest == evaluation.row_digest else "other rows, so that changes are not tested"
    return (
        f"As evaluation {past.number} found on {formats.num(past.row_count)} rows of {past.dataset_version}, on which "
        f"it was approved on {approved.when}; today’s numbers are of {rows}."
    )


def _side_of(report: Report) -> Report:
    """The baseline's numbers in the place of the candidate's."""
    groups = [replace(one, metrics=one.baseline or {}, baseline=None, paired=None) for one in report.groups]
    return replace(report, groups=tuple(groups), has_baseline=False)


def _approved(approved: Approved, report: Report, evaluation: Evaluation) -> Report:
    """The numbers at approval, each with what the same version has today less it."""
    own = approved.version.pk == evaluation.model_version_id
    today = {one.key: one for one in report.groups}
    groups = [_since(one, today.get(one.key), own=own) for one in approved.report.groups]
    return replace(approved.report, groups=tuple(groups))


def _since(then: Group, now: Group | None, *, own: bool) -> Group:
    numbers: Mapping[str, Estimate] = {}
    if now is not None and now.suppressed is None and now.thin is None:
        numbers = now.metrics if own else (now.baseline or {})
    changes = {}
    for name, one in then.metrics.items():
        value = numbers[name].value if name in numbers else None
        if one.value is not None and value is not None:
            changes[name] = Difference(value - one.value, None, None, None, None, None, NOT_PROVEN, "on other rows")
    return replace(then, baseline=None, paired=Paired(None, None, None, None, None, None, changes))
