"""What a draft may hold: the checks behind the form, the API and the demo alike.

Every function takes plain values and raises Invalid with the fields at fault, named as the API names them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analysis.contracts.expressions import MAX_LENGTH, ExpressionError, columns, parse
from analysis.contracts.metrics import FACTS, PERCENT, metric_get
from analysis.contracts.segments import Bands, SegmentError, Support
from apps.core.errors import Invalid
from apps.problems.models import DecisionMode, Objective, RiskClass, SegmentVersion, TaskKind
from apps.problems.money import minor_check

TEXT_LIMITS = {
    "question": 2000,
    "decision_served": 2000,
    "population": 2000,
    "unit_of_prediction": 200,
    "target": 200,
    "positive_label": 200,
    "positive_word": 60,
    "negative_word": 60,
}
CHOICES: dict[str, tuple[Sequence[str], bool]] = {
    # field -> (codes, may be empty)
    "task": (TaskKind.values, False),
    "risk_class": (RiskClass.values, True),
    "decision_mode": (DecisionMode.values, True),
}
DRAFT_FIELDS = (
    *TEXT_LIMITS,
    *CHOICES,
    "owner_id",
    "error_costs",
    "label_delay_days",
    "review_period_days",
    "least_support",
)
MAX_OBJECTIVES = 50
MAX_SEGMENTS = 50
MAX_DAYS = 36_500
MAX_EXPRESSION = min(500, MAX_LENGTH)
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_CONTROL = re.compile(r"[\x00\ud800-\udfff]")


class Faults:
    """Collects messages by field and raises them together."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        self.fields.setdefault(field, []).append(message)

    def take(self, error: Invalid) -> None:
        for field, messages in error.fields.items():
            self.fields.setdefault(field, []).extend(messages)

    def raise_any(self) -> None:
        """Raises Invalid when anything was added."""
        if self.fields:
            count = len(self.fields)
            what = "One field needs" if count == 1 else f"{count} fields need"
            raise Invalid(f"{what} correction. Nothing was saved.", fields=self.fields)


def text_clean(value: Any, field: str, limit: int) -> str:
    """Trimmed text without control bytes, at most `limit` characters. Raises Invalid."""
    if not isinstance(value, str):
        raise Invalid.field(field, "Write text here.")
    if _CONTROL.search(value):
        raise Invalid.field(field, "This text holds a character that cannot be stored.")
    text: str = value.strip()
    if len(text) > limit:
        raise Invalid.field(field, f"At most {limit} characters; this has {len(text)}.")
    return text


def name_clean(value: Any, field: str = "name") -> str:
    """A name of 1 to 120 characters on one line. Raises Invalid."""
    name = text_clean(value, field, 120)
    if not name:
        raise Invalid.field(field, "Give it a name.")
    if "\n" in name or "\r" in name:
        raise Invalid.field(field, "A name is one line.")
    return name


def draft_clean(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a draft, checked; unknown names are refused. Raises Invalid with every fault at once."""
    faults = Faults()
    clean: dict[str, Any] = {}
    for field, value in given.items():
        try:
            clean[field] = _field_clean(field, value)
        except Invalid as error:
            faults.take(error)
    faults.raise_any()
    return clean


def _field_clean(field: str, value: Any) -> Any:
    if field in TEXT_LIMITS:
        return text_clean(value, field, TEXT_LIMITS[field])
    if field in CHOICES:
        codes, empty = CHOICES[field]
        if value in codes or (empty and value == ""):
            return value
        raise Invalid.field(field, f"One of {', '.join(codes)}.")
    if field == "owner_id":
        return value
    if field == "error_costs":
        return costs_clean(value)
    if field == "label_delay_days":
        return None if value is None else _days(value, field, least=0)
    if field == "review_period_days":
        return _days(value, field, least=1)
    if field == "least_support":
        return support_clean(value, field)
    raise Invalid.field(field, "A problem version has no such field.")


def _days(value: Any, field: str, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MAX_DAYS:
        raise Invalid.field(field, f"A whole number of days from {least} to {MAX_DAYS}.")
    return value


def support_clean(value: Any, field: str) -> dict[str, int]:
    """{"rows", "positives", "negatives"} with the usual numbers for what is left out. Raises Invalid."""
    if not isinstance(value, Mapping):
        raise Invalid.field(field, "Give rows, positives and negatives.")
    for key, number in value.items():
        if key not in ("rows", "positives", "negatives"):
            raise Invalid.field(field, f"Least support has rows, positives and negatives, not {str(key)[:40]}.")
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 10**9:
            raise Invalid.field(f"{field}.{key}", "A whole number, zero or more.")
    return Support.from_json(value).to_json()


def costs_clean(value: Any) -> dict[str, Any]:
    """Costs of errors in minor units.

    {"currency", "false_positive", "false_negative"} for two classes, {"currency", "per_error"} (and optionally
    "matrix": {truth: {prediction: cost}}) for many, {"currency", "per_unit"} for a number. Raises Invalid.
    """
    if not isinstance(value, Mapping):
        raise Invalid.field("error_costs", "Give a currency and the costs.")
    if not value:
        return {}
    faults = Faults()
    clean: dict[str, Any] = {}
    currency = value.get("currency", "")
    if isinstance(currency, str) and _CURRENCY.match(currency):
        clean["currency"] = currency
    else:
        faults.add("error_costs.currency", "A currency is three capital letters, such as EUR.")
    for key, cost in value.items():
        try:
            if key == "currency":
                continue
            if key in ("false_positive", "false_negative", "per_error", "per_unit"):
                clean[key] = minor_check(cost, f"error_costs.{key}")
            elif key == "matrix":
                clean[key] = _matrix_clean(cost)
            else:
                raise Invalid.field("error_costs", f"There is no cost called {str(key)[:40]!r}.")
        except Invalid as error:
            faults.take(error)
    if clean.get("false_positive") == 0 and clean.get("false_negative") == 0:
        faults.add("error_costs.false_positive", "At least one of the two errors costs something.")
    faults.raise_any()
    return clean


def _matrix_clean(value: Any) -> dict[str, dict[str, int]]:
    field = "error_costs.matrix"
    if not isinstance(value, Mapping) or len(value) > 200:
        raise Invalid.field(field, "Costs by truth and prediction, for at most 200 classes.")
    clean: dict[str, dict[str, int]] = {}
    for truth, row in value.items():
        if not isinstance(row, Mapping) or len(row) > 200:
            raise Invalid.field(field, "Each truth has costs by prediction.")
        key = text_clean(truth, field, 200)
        clean[key] = {text_clean(p, field, 200): minor_check(cost, field) for p, cost in row.items()}
    return clean


def segments_clean(given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Segment definitions in order, each name once. Raises Invalid with fields such as segments[0].expression."""
    faults = Faults()
    clean: list[dict[str, Any]] = []
    seen: set[str] = set()
    items = list(given)
    if len(items) > MAX_SEGMENTS:
        raise Invalid.field("segments", f"At most {MAX_SEGMENTS} segments.")
    for index, item in enumerate(items):
        prefix = f"segments[{index}]"
        try:
            segment = segment_clean(item, prefix=prefix + ".")
        except Invalid as error:
            faults.take(error)
            continue
        if segment["name"].lower() in seen:
            faults.add(f"{prefix}.name", "Two segments have this name.")
        seen.add(segment["name"].lower())
        clean.append(segment)
    faults.raise_any()
    return clean


def segment_clean(item: Mapping[str, Any], *, prefix: str = "") -> dict[str, Any]:
    """One definition: name, expression, bands, purpose, least_support, legal_note. Raises Invalid."""
    faults = Faults()
    clean: dict[str, Any] = {"bands": None, "least_support": None, "legal_note": ""}

    def take(field: str, check: Any) -> None:
        try:
            clean[field] = check()
        except Invalid as error:
            faults.take(error)

    take("name", lambda: name_clean(item.get("name", ""), f"{prefix}name"))
    take("expression", lambda: _expression_clean(item.get("expression", ""), f"{prefix}expression"))
    if item.get("bands"):
        take("bands", lambda: _bands_clean(item["bands"], f"{prefix}bands"))
    purpose = item.get("purpose", SegmentVersion.Purpose.PERFORMANCE)
    if purpose not in SegmentVersion.Purpose.values:
        faults.add(f"{prefix}purpose", f"One of {', '.join(SegmentVersion.Purpose.values)}.")
    clean["purpose"] = purpose
    if item.get("least_support"):
        take("least_support", lambda: support_clean(item["least_support"], f"{prefix}least_support"))
    take("legal_note", lambda: text_clean(item.get("legal_note", ""), f"{prefix}legal_note", 2000))
    faults.raise_any()
    return clean


def _expression_clean(value: Any, field: str) -> str:
    text = text_clean(value, field, MAX_EXPRESSION)
    if not text:
        raise Invalid.field(field, "Name a column, or write a condition such as age >= 35.")
    try:
        names = columns(parse(text))
    except ExpressionError as error:
        raise Invalid.field(field, f"{error.message} (character {error.column}).") from error
    if not names:
        raise Invalid.field(field, "The expression reads no column, so every row would be in the same group.")
    return text


def _bands_clean(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid.field(field, "Give edges and labels.")
    try:
        bands = Bands.from_json(value)
    except SegmentError as error:
        raise Invalid.field(field, f"{error.message}.") from error
    except (TypeError, ValueError, OverflowError):
        raise Invalid.field(field, "Edges are numbers, such as 25 and 35.") from None
    for label in bands.labels:
        text_clean(label, field, 120)
    return bands.to_json()


def objectives_clean(
    given: Iterable[Mapping[str, Any]], *, task: str, segment_names: Iterable[str]
) -> list[dict[str, Any]]:
    """Objectives in order, fit for the task. Raises Invalid with fields such as objectives[0].limit."""
    faults = Faults()
    clean: list[dict[str, Any]] = []
    names = {name.lower(): name for name in segment_names}
    seen: set[str] = set()
    items = list(given)
    if len(items) > MAX_OBJECTIVES:
        raise Invalid.field("objectives", f"At most {MAX_OBJECTIVES} objectives.")
    for index, item in enumerate(items):
        prefix = f"objectives[{index}]."
        try:
            objective = _objective_clean(item, prefix, task, names)
        except Invalid as error:
            faults.take(error)
            continue
        if objective["name"].lower() in seen:
            faults.add(f"{prefix}name", "Two objectives have this name.")
        seen.add(objective["name"].lower())
        clean.append(objective | {"position": index})
    faults.raise_any()
    return clean


def _objective_clean(item: Mapping[str, Any], prefix: str, task: str, segments: Mapping[str, str]) -> dict[str, Any]:
    faults = Faults()
    code = item.get("metric", "")
    try:
        metric = metric_get(text_clean(code, f"{prefix}metric", 60))
    except (KeyError, Invalid):
        raise Invalid.field(f"{prefix}metric", "Choose a metric.") from None
    if task not in metric.tasks:
        faults.add(f"{prefix}metric", f"{metric.label} is not measured for this task.")
    direction = item.get("direction") or ""
    if metric.higher_is_better is not None:
        direction = Objective.Direction.MAXIMISE if metric.higher_is_better else Objective.Direction.MINIMISE
    if direction not in Objective.Direction.values:
        faults.add(f"{prefix}direction", f"Say whether more or less {metric.label.lower()} is better.")
    comparison = item.get("comparison") or Objective.Comparison.ABSOLUTE
    if comparison not in Objective.Comparison.values:
        faults.add(f"{prefix}comparison", f"One of {', '.join(Objective.Comparison.values)}.")
    scope = item.get("scope") or Objective.Scope.OVERALL
    if scope not in Objective.Scope.values:
        faults.add(f"{prefix}scope", f"One of {', '.join(Objective.Scope.values)}.")
    segment = ""
    if scope == Objective.Scope.DISPARITY:
        wanted = item.get("segment", "")
        segment = segments.get(wanted.strip().lower(), "") if isinstance(wanted, str) else ""
        if not segment:
            faults.add(f"{prefix}segment", "Name one of the segments of this version.")
        if comparison == Objective.Comparison.LIVE:
            faults.add(f"{prefix}comparison", "A gap between groups is held against a limit, not against live.")
    if metric.name in FACTS and scope != Objective.Scope.OVERALL:
        faults.add(f"{prefix}scope", f"{metric.label} is one number of the whole model: choose overall.")
    if metric.name in FACTS and comparison == Objective.Comparison.LIVE:
        faults.add(f"{prefix}comparison", f"{metric.label} is held against a limit, not against live.")
    limit = item.get("limit")
    if limit is None and comparison == Objective.Comparison.LIVE:
        limit = 0.0
    if limit is not None:
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
            faults.add(f"{prefix}limit", "A number.")
            limit = None
        elif abs(limit) > 1e15:
            faults.add(f"{prefix}limit", "This number is too large.")
        elif comparison == Objective.Comparison.LIVE and limit < 0:
            faults.add(f"{prefix}limit", "A margin is zero or more.")
        elif metric.name in FACTS and limit < 0:
            faults.add(f"{prefix}limit", "A limit of zero or more.")
        elif metric.unit == PERCENT and metric.name != "mape" and not 0 <= limit <= 1:
            faults.add(f"{prefix}limit", "A rate lies between 0 and 1 (0 % and 100 %).")
    weight = item.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e6:
        faults.add(f"{prefix}weight", "A number from 0 up.")
        weight = 1.0
    name = reason = ""
    try:
        name = text_clean(item.get("name", ""), f"{prefix}name", 120) or objective_name(metric.label, scope, segment)
        reason = text_clean(item.get("reason", ""), f"{prefix}reason", 2000)
    except Invalid as error:
        faults.take(error)
    faults.raise_any()
    return {
        "name": name,
        "metric": metric.name,
        "direction": direction,
        "comparison": comparison,
        "scope": scope,
        "segment": segment,
        "limit": None if limit is None else float(limit),
        "weight": float(weight),
        "critical": bool(item.get("critical", False)),
        "reason": reason,
    }


def objective_name(label: str, scope: str, segment: str = "") -> str:
    """The name of an objective that was given none: "Recall, any protected"."""
    tail = {
        Objective.Scope.SEGMENTS.value: ", any segment",
        Objective.Scope.PROTECTED.value: ", any protected",
        Objective.Scope.DISPARITY.value: f", gap by {segment}",
    }.get(scope, "")
    return f"{label}{tail}"[:120]
