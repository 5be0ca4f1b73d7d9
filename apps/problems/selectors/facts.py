"""What follows from a version: costs, threshold, words, and what is still missing."""

from __future__ import annotations

from typing import Any, Final

from analysis.contracts.metrics import ErrorWords, metric_get
from analysis.contracts.wording import amount_text, change_text
from apps.accounts import selectors as accounts
from apps.problems.contracts import Missing
from apps.problems.models import Objective, ProblemVersion, TaskKind
from apps.problems.money import major, symbol_of
from apps.problems.selectors.versions import objective_list

_COSTS: Final = {
    TaskKind.BINARY.value: ("false_positive", "false_negative"),
    TaskKind.MULTICLASS.value: ("per_error",),
    TaskKind.REGRESSION.value: ("per_unit",),
    TaskKind.RANKING.value: (),
}


def costs_of(version: ProblemVersion) -> dict[str, Any] | None:
    """What errors cost in whole units of the currency: {"false_positive", "false_negative"} for two classes,
    {"per_error", "matrix"?} for many, {"per_unit"} for a number; None when it is not stated.
    """
    costs = version.error_costs or {}
    currency = str(costs.get("currency", ""))
    wanted = _COSTS.get(version.task, ())
    found: dict[str, Any] = {name: major(costs[name], currency) for name in wanted if name in costs}
    if version.task == TaskKind.MULTICLASS and costs.get("matrix"):
        found["matrix"] = {
            truth: {said: major(cost, currency) for said, cost in row.items()} for truth, row in costs["matrix"].items()
        }
        return found
    return found if wanted and len(found) == len(wanted) else None


def currency_of(version: ProblemVersion) -> str:
    """How money is written on pages: "C$"; empty when no currency is stated."""
    return symbol_of(str((version.error_costs or {}).get("currency", "")))


def threshold_of(version: ProblemVersion) -> float | None:
    """The score from which both errors cost the same: C_FP / (C_FP + C_FN); None without two costs."""
    costs = costs_of(version)
    if costs is None or version.task != TaskKind.BINARY:
        return None
    total = costs["false_positive"] + costs["false_negative"]
    return costs["false_positive"] / total if total > 0 else None


def error_words(version: ProblemVersion) -> ErrorWords:
    """What the two errors are called: "wrongly released" and "wrongly held"."""
    if version.positive_word and version.negative_word:
        return ErrorWords(f"wrongly {version.positive_word}", f"wrongly {version.negative_word}")
    return ErrorWords.for_label(version.positive_label or None)


def limit_text(objective: Objective, currency: str = "") -> str:
    """The limit in words: "at least 0.650", "not worse than live", "live + 5.0 points at most"."""
    metric = metric_get(objective.metric)
    if objective.limit is None:
        return "no limit yet"
    if objective.comparison == Objective.Comparison.LIVE:
        if objective.limit == 0:
            return "not worse than live"
        sign = "+" if objective.direction == Objective.Direction.MINIMISE else "−"
        return f"live {sign} {change_text(metric, objective.limit, currency=currency)}"
    word = "at most" if objective.direction == Objective.Direction.MINIMISE else "at least"
    if objective.scope == Objective.Scope.DISPARITY:
        return f"at most {change_text(metric, objective.limit, currency=currency)}"
    return f"{word} {amount_text(metric, objective.limit, currency=currency)}"


_TEXTS = (
    ("question", "Write the question that the model is to answer."),
    ("decision_served", "Say which decision the answer serves, and who takes it."),
    ("population", "Say about whom or what the question is asked."),
    ("unit_of_prediction", "Say what one row is: one person, one arrest, one invoice."),
    ("target", "Name the column that holds the true answer."),
    ("risk_class", "Choose the risk class."),
    ("decision_mode", "Say whether the model decides, advises or stays silent."),
)


def missing_items(
    version: ProblemVersion, *, objectives: list[Objective] | None = None, segments: int | None = None
) -> list[Missing]:
    """What keeps a draft from being submitted, in the order of the form; empty when it is complete.

    `objectives` and the number of `segments` spare queries when the caller has read them already.
    """
    found = [Missing(field, message) for field, message in _TEXTS if not getattr(version, field)]
    if version.owner_id is None:
        found.append(Missing("owner_id", "Name the product owner who answers for this problem."))
    elif not accounts.people_with_verb("problem.accept", version.problem.team_id).filter(pk=version.owner_id).exists():
        found.append(Missing("owner_id", "The owner holds no product owner role in this team; name somebody who does."))
    if version.task == TaskKind.BINARY:
        if not version.positive_label:
            found.append(Missing("positive_label", "Say which value of the target counts as positive."))
        if not (version.positive_word and version.negative_word):
            found.append(Missing("positive_word", "Give both outcomes a plain word, such as released and held."))
    found.extend(_missing_costs(version))
    if version.label_delay_days is None:
        found.append(Missing("label_delay_days", "Say after how many days the true answer is known (0 when at once)."))
    objectives = objective_list(version) if objectives is None else objectives
    if not objectives:
        found.append(Missing("objectives", "Add at least one objective with a limit."))
    for index, objective in enumerate(objectives):
        if objective.limit is None:
            found.append(Missing(f"objectives[{index}].limit", f"Set the limit of “{objective.name}”."))
        if objective.scope == Objective.Scope.DISPARITY and not objective.reason:
            why = f"Say why “{objective.name}” is the right measure between groups: not all of them can hold together."
            found.append(Missing(f"objectives[{index}].reason", why))
    if not (version.segment_versions.exists() if segments is None else segments):
        found.append(Missing("segments", "Add at least one segment, so that an average cannot hide a group."))
    return found


def _missing_costs(version: ProblemVersion) -> list[Missing]:
    if version.task == TaskKind.RANKING:
        return []  # an order has no single error to price
    costs = version.error_costs or {}
    wanted = {
        TaskKind.BINARY.value: ("false_positive", "false_negative"),
        TaskKind.MULTICLASS.value: ("per_error",) if "matrix" not in costs else (),
        TaskKind.REGRESSION.value: ("per_unit",),
    }[version.task]
    if costs.get("currency") and all(key in costs for key in wanted):
        return []
    field = next((key for key in wanted if key not in costs), "currency")
    return [Missing(f"error_costs.{field}", "Say what an error costs, in money.")]


def missing_list(version: ProblemVersion) -> list[str]:
    """The sentences of `missing_items`."""
    return [item.message for item in missing_items(version)]
