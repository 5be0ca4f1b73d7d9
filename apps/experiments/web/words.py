"""How metric and param keys of runs read: what they measure, on which part of the data, which way is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.contracts.metrics import METRICS, MONEY, PERCENT
from apps.core import formats

_PARTS = (
    ("best_validation_", "validation, best"),
    ("validation_", "validation"),
    ("train_", "training"),
    ("training_", "training"),
    ("test_", "test"),
    ("val_", "validation"),
    ("valid_", "validation"),
)
_OTHER_NAMES = {"f1_macro": "macro_f1", "auc": "roc_auc", "logloss": "log_loss", "loss": "loss", "acc": "accuracy"}
# Which measures people look at first; the rest follows by name.
_FIRST = ("cost_per_100", "roc_auc", "log_loss", "rmse", "mae", "r2", "accuracy", "macro_f1", "fnr", "fpr", "pr_auc")
_LOWER = ("loss", "error", "rmse", "mse", "mae", "cost", "seconds", "time")


_SYSTEM = "system/"


@dataclass(frozen=True, slots=True)
class MetricWords:
    """A metric key as people read it; `lower` is None where neither direction is better by itself."""

    key: str
    base: str
    part: str
    label: str
    unit: str
    lower: bool | None
    rank: int

    @property
    def percent(self) -> bool:
        return self.unit == PERCENT

    @property
    def system(self) -> bool:
        """Of the machine that the run is on, as MLflow's clients log it, and not of the model."""
        return self.key.startswith(_SYSTEM)

    @property
    def low(self) -> str:
        """The label inside a sentence; "ROC AUC" keeps its capitals."""
        return self.label if self.label[1:2].isupper() else self.label[:1].lower() + self.label[1:]

    @property
    def title(self) -> str:
        """ "Log loss, training": with the part of the data when the key says it."""
        return f"{self.label}, {self.part}" if self.part else self.label

    def show(self, value: Any) -> str:
        """The value in the metric's unit; "–" where it is no number."""
        number = number_of(value)
        if number is None:
            return formats.UNDEFINED
        return formats.percent(number) if self.percent else formats.num(number)

    def show_difference(self, value: float | None) -> str:
        """With a sign; shares in points."""
        if value is None:
            return formats.UNDEFINED
        return formats.points(value) if self.percent else formats.difference(value)


def metric_words(key: str) -> MetricWords:
    """Read a key: `validation_roc_auc` is "ROC AUC" on "validation", higher is better."""
    base, part = key, ""
    for prefix, word in _PARTS:
        if key.startswith(prefix) and len(key) > len(prefix):
            base, part = key[len(prefix) :], word
            break
    base = _OTHER_NAMES.get(base, base)
    # The curve of a loss comes after its best value: its last point need not be the model that was kept.
    rank = (_FIRST.index(base) if base in _FIRST else 50) + (100 if part == "training" else 0)
    rank += 500 if key.startswith(_SYSTEM) else 0
    rank += 20 if key.startswith("validation_") and base in ("log_loss", "rmse") else 0
    known = METRICS.get(base)
    if known is not None:
        lower = None if known.higher_is_better is None else not known.higher_is_better
        unit = known.unit if known.unit in (PERCENT, MONEY) else ""
        return MetricWords(key, base, part, known.label, unit, lower, rank)
    label = base.removeprefix(_SYSTEM).replace("_", " ").strip() or key
    lower = True if any(word in base for word in _LOWER) else None
    return MetricWords(key, base, part, label[:1].upper() + label[1:], "", lower, rank)


def metrics_in_order(keys: set[str], aims: Sequence[str] = ()) -> list[MetricWords]:
    """Those that a problem aims at first, then what people look at first; those on training rows last."""

    def place(words: MetricWords) -> tuple[int, int, str]:
        aimed = words.base in aims and words.part != "training"
        return (aims.index(words.base) if aimed else len(aims)), words.rank, words.key

    return sorted((metric_words(key) for key in keys), key=place)


def number_of(value: Any) -> float | None:
    """A stored metric value as a finite number: [value, step, time], or the bare value; None for NaN and infinities."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def param_shown(text: Any) -> str:
    """A param's text; numbers without the noise of repeated zeros."""
    plain = "" if text is None else str(text)
    return plain[:-2] if plain.endswith(".0") and plain[:-2].lstrip("-").isdigit() else plain
