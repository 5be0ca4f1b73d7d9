"""The card of a test part's wear, on an evaluation and on the dataset version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from analysis.contracts.wording import number_text
from analysis.wear import NOT_KNOWN, SOUND, TOO_SMALL, WORN
from apps.evaluations import selectors

_STATES: Final = {SOUND: "OK", WORN: "WARN", TOO_SMALL: "THIN", NOT_KNOWN: "UNKNOWN"}


def wear_context(dataset_version_id: uuid.UUID, margin: float) -> Mapping[str, Any] | None:
    """What the card shows; None before anybody looked."""
    wear = selectors.wear_of(dataset_version_id, margin)
    if wear is None:
        return None
    return {
        "wear": wear,
        "wear_state": _STATES[wear.state],
        "wear_error": _points(wear.error),
        "wear_fresh": _points(wear.fresh_error),
    }


def _points(share: float | None) -> str:
    return "" if share is None else f"{number_text(100 * share, 1)} points"
