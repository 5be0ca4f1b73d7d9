"""The card of a test part's wear, on an evaluation and on the dataset version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from analysis.contracts.findings import BY_CHANCE, MORE_THAN_CHANCE, NO_OVERLAP
from analysis.contracts.wording import number_text
from analysis.wear import NOT_KNOWN, SOUND, TOO_SMALL, WORN
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts.behaved import leakage_sentence
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.listing import csv_lines

LEAKAGE_HEAD: Final = (
    "columns",
    "train_rows",
    "test_rows",
    "shared",
    "share",
    "low",
    "high",
    "same_label",
    "other_label",
    "repeated_in_train",
    "repeated_low",
    "repeated_high",
    "verdict",
)

_LEAKS: Final = {NO_OVERLAP: "OK", BY_CHANCE: "OK", MORE_THAN_CHANCE: "WARN"}
_STATES: Final = {SOUND: "OK", WORN: "WARN", TOO_SMALL: "THIN", NOT_KNOWN: "UNKNOWN"}


def wear_context(
    dataset_version_id: uuid.UUID, margin: float, *, evaluation_id: uuid.UUID | None = None
) -> Mapping[str, Any] | None:
    """What the card shows, with the leakage that `evaluation_id` or the newest found; None before anybody looked."""
    found = selectors.wear_of(dataset_version_id, margin, evaluation_id=evaluation_id)
    if found is None:
        return None
    wear, leakage = found.wear, found.leakage
    return {
        "leakage": leakage_sentence(leakage) if leakage is not None else "",
        "leakage_state": _LEAKS[leakage.verdict] if leakage is not None else "",
        "leakage_word": leakage.verdict if leakage is not None else "",
        "leakage_of": found.evaluation_id,
        "wear": wear,
        "wear_state": _STATES[wear.state],
        "wear_error": _points(wear.error),
        "wear_fresh": _points(wear.fresh_error),
    }


def _points(share: float | None) -> str:
    return "" if share is None else f"{number_text(100 * share, 1)} points"


@page
@require_GET
def leakage_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What an evaluation found of its test rows among the training rows, in full precision."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.leakage is None:
        raise NotFound("This evaluation did not look for its test rows among the training rows.")
    found = findings.leakage
    row = (
        " ".join(found.columns),
        found.train_rows,
        found.test_rows,
        found.shared,
        *(found.share.value, found.share.low, found.share.high),
        found.same_label,
        found.other_label,
        *(found.repeated.value, found.repeated.low, found.repeated.high),
        found.verdict,
    )
    return file_response(evaluation, "leakage", "csv", csv_lines(LEAKAGE_HEAD, [row]))
