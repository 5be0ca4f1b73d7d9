"""The whole draft form: read from a version or from what a person sent, and back into what the services take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from analysis.contracts.metrics import PERCENT, metric_get
from apps.core.errors import Invalid
from apps.problems import selectors
from apps.problems.models import Objective, ProblemVersion, TaskKind
from apps.problems.money import digits_of, major, minor_parse
from apps.problems.rules import objective_name
from apps.problems.web.forms import (
    INDEXED,
    ROW_TO_FORM,
    TO_FORM,
    DraftForm,
    ObjectiveForm,
    SegmentForm,
    segment_row,
    segment_values,
)


class DraftInput:
    """The whole form: one main form and its rows, from a version or from what a person sent."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        version: ProblemVersion,
        owners: Iterable[Any],
        proposed: Mapping[str, str] | None = None,
    ) -> None:
        """`proposed` is a segment that is filled in as one more row of what is stored; nothing is saved by it."""
        self.version = version
        self.data = data
        self.owners = list(owners)
        self.action = data.get("action", "save") if data is not None else ""
        if data is None:
            self._from_version()
            if proposed is not None:
                self._segments.append(dict(proposed))
        else:
            self._from_data(data)
        currency = str(self._main.get("currency", ""))
        bound = data is not None and self.action in ("save", "submit")
        self.main = self._form(DraftForm, self._main, "", bound, owners=self.owners, currency=currency)
        self.task = str(self._main.get("task") or version.task)
        names = [str(row.get("name", "")).strip() for row in self._segments]
        self.objectives = [
            self._form(ObjectiveForm, row, f"objectives-{i}", bound, task=self.task, segments=names)
            for i, row in enumerate(self._objectives)
        ]
        self.segments = [self._form(SegmentForm, row, f"segments-{i}", bound) for i, row in enumerate(self._segments)]

    @staticmethod
    def _form(cls: type[forms.Form], values: Mapping[str, Any], prefix: str, bound: bool, **kwargs: Any) -> Any:
        if bound:
            keyed = {f"{prefix}-{k}" if prefix else k: v for k, v in values.items()}
            return cls(keyed, prefix=prefix or None, **kwargs)
        return cls(initial=dict(values), prefix=prefix or None, **kwargs)

    # -- reading -------------------------------------------------------------------------------------------

    def _from_data(self, data: QueryDict) -> None:
        self._main = {name: data.get(name, "") for name in DraftForm.base_fields}
        self._objectives = self._rows(data, "objectives", ObjectiveForm)
        self._segments = self._rows(data, "segments", SegmentForm)
        verb, _, rest = self.action.partition("_")
        kind, _, number = rest.partition("_")
        rows = {"objective": self._objectives, "segment": self._segments}.get(kind)
        if verb == "add" and rows is not None:
            rows.append({"scope": "OVERALL", "comparison": "ABSOLUTE", "purpose": "PERFORMANCE"})
        elif verb == "remove" and rows is not None and number.isdigit() and int(number) < len(rows):
            del rows[int(number)]
        elif self.action == "suggest":
            self._objectives.extend(self._usual())

    @staticmethod
    def _rows(data: QueryDict, prefix: str, cls: type[forms.Form]) -> list[dict[str, Any]]:
        count = data.get(f"{prefix}-total", "0")
        total = min(int(count), 60) if count.isdigit() else 0
        return [{name: data.get(f"{prefix}-{i}-{name}", "") for name in cls.base_fields} for i in range(total)]

    def _usual(self) -> list[dict[str, Any]]:
        """Objectives that most problems have; limits that nobody can guess stay open."""
        usual = {
            TaskKind.BINARY.value: [
                ("cost_per_100", "OVERALL", "LIVE", "0", False),
                ("roc_auc", "OVERALL", "ABSOLUTE", "", False),
                ("fpr", "PROTECTED", "LIVE", "5", True),
                ("fnr", "PROTECTED", "LIVE", "5", True),
            ],
            TaskKind.MULTICLASS.value: [
                ("macro_f1", "OVERALL", "ABSOLUTE", "", False),
                ("accuracy", "PROTECTED", "LIVE", "5", True),
            ],
            TaskKind.REGRESSION.value: [
                ("rmse", "OVERALL", "ABSOLUTE", "", False),
                ("mae", "PROTECTED", "LIVE", "0", True),
            ],
            TaskKind.RANKING.value: [
                ("ndcg:10", "OVERALL", "ABSOLUTE", "", False),
                ("mrr", "PROTECTED", "LIVE", "0", True),
            ],
        }[str(self._main.get("task") or self.version.task)]
        held = {(row.get("metric"), row.get("scope")) for row in self._objectives}
        return [
            {"metric": m, "scope": s, "comparison": c, "limit": limit, "critical": "on" if critical else ""}
            for m, s, c, limit, critical in usual
            if (m, s) not in held
        ]

    def _from_version(self) -> None:
        v = self.version
        costs, support = v.error_costs or {}, v.least_support or {}
        currency = str(costs.get("currency", "EUR"))

        def money(key: str) -> str:
            return _plain(major(costs[key], currency), digits_of(currency)) if key in costs else ""

        names: tuple[str, ...] = ("question", "decision_served", "population", "unit_of_prediction", "task", "target")
        names += ("positive_label", "positive_word", "negative_word", "risk_class", "decision_mode")
        self._main = {name: getattr(v, name) for name in names} | {
            "name": v.problem.name,
            "owner": str(v.owner_id or ""),
            "currency": currency,
            "cost_fp": money("false_positive"),
            "cost_fn": money("false_negative"),
            "cost_error": money("per_error"),
            "cost_unit": money("per_unit"),
            "label_delay_days": "" if v.label_delay_days is None else v.label_delay_days,
            "review_period_days": v.review_period_days,
            "support_rows": support.get("rows", 100),
            "support_positives": support.get("positives", 15),
            "support_negatives": support.get("negatives", 15),
        }
        self._objectives = [_objective_row(o) for o in selectors.objective_list(v)]
        self._segments = [segment_row(s) for s in selectors.segments_of(v)]

    # -- writing -------------------------------------------------------------------------------------------

    def payload(self) -> dict[str, Any]:
        """Keyword arguments for `problem_version_edit`. Raises Invalid, named as the API names fields."""
        faults: dict[str, list[str]] = {}
        main = {k: str(v).strip() for k, v in self._main.items()}

        def whole(name: str, field: str) -> int | None:
            if not main[name]:
                return None
            try:
                return int(main[name])
            except ValueError:
                faults[field] = ["A whole number."]
                return None

        costs: dict[str, Any] = {}
        wanted = {
            "BINARY": {"false_positive": "cost_fp", "false_negative": "cost_fn"},
            "MULTICLASS": {"per_error": "cost_error"},
            "REGRESSION": {"per_unit": "cost_unit"},
        }.get(self.task, {})
        for key, name in wanted.items():
            if main[name]:
                try:
                    costs[key] = minor_parse(main[name], main["currency"])
                except ValueError as error:
                    faults[f"error_costs.{key}"] = [str(error)]
        if costs:
            costs["currency"] = main["currency"]
            kept = (self.version.error_costs or {}).get("matrix")
            if kept and self.task == TaskKind.MULTICLASS:
                costs["matrix"] = kept
        support = {key: whole(f"support_{key}", f"least_support.{key}") for key in ("rows", "positives", "negatives")}
        texts = ("question", "decision_served", "population", "unit_of_prediction", "target", "positive_label")
        values: dict[str, Any] = {name: main[name] for name in (*texts, "positive_word", "negative_word", "name")}
        values |= {
            "task": main["task"] or self.version.task,
            "risk_class": main["risk_class"],
            "decision_mode": main["decision_mode"],
            "owner_id": self._owner(main["owner"], faults),
            "error_costs": costs,
            "label_delay_days": whole("label_delay_days", "label_delay_days"),
            "least_support": {k: n for k, n in support.items() if n is not None},
            "objectives": self._objective_values(faults),
            "segments": self._segment_values(faults),
        }
        review = whole("review_period_days", "review_period_days")
        if review is not None:
            values["review_period_days"] = review
        if faults:
            raise Invalid("Some fields cannot be read. Nothing was saved.", fields=faults)
        return values

    def _owner(self, given: str, faults: dict[str, list[str]]) -> Any:
        for person in self.owners:
            if str(person.pk) == given:
                return person.pk
        if given:
            faults["owner_id"] = ["Choose one of the people listed."]
        return None

    def _objective_values(self, faults: dict[str, list[str]]) -> list[dict[str, Any]]:
        found = []
        for index, row in enumerate(self._objectives):
            item = {
                k: row.get(k, "") for k in ("metric", "scope", "segment", "comparison", "direction", "name", "reason")
            }
            item["critical"] = bool(row.get("critical"))
            text = str(row.get("limit", "")).strip().replace("\u2212", "-")
            item["limit"] = None
            if text:
                try:
                    item["limit"] = float(text) / (100 if self._in_percent(str(item["metric"])) else 1)
                except ValueError:
                    faults[f"objectives[{index}].limit"] = ["A number, such as 0.65 or 5."]
            found.append(item)
        return found

    @staticmethod
    def _in_percent(code: str) -> bool:
        try:
            return metric_get(code).unit == PERCENT
        except KeyError:
            return False

    def _segment_values(self, faults: dict[str, list[str]]) -> list[dict[str, Any]]:
        found = []
        for index, row in enumerate(self._segments):
            values, bad = segment_values(row, self.version.least_support)
            found.append(values)
            faults.update({f"segments[{index}].{name}": texts for name, texts in bad.items()})
        return found

    def errors_add(self, error: Invalid) -> None:
        """Show the messages of a refusal at their fields."""
        for field, messages in error.fields.items():
            form, name = self._place(field)
            for message in messages:
                form.add_error(name, message)
        if not error.fields:
            self.main.add_error(None, error.detail)

    def _place(self, field: str) -> tuple[Any, str | None]:
        match = INDEXED.match(field)
        if match:
            rows = self.objectives if match[1] == "objectives" else self.segments
            index, name = int(match[2]), match[3] or ""
            name = ROW_TO_FORM.get(name, name)
            if index < len(rows) and name in rows[index].fields:
                return rows[index], name
            return self.main, None
        name = TO_FORM.get(field, field)
        return self.main, name if name in self.main.fields else None


def _objective_row(objective: Objective) -> dict[str, Any]:
    metric = metric_get(objective.metric)
    limit = objective.limit
    if limit is not None and metric.unit == PERCENT:
        limit = limit * 100
    usual = "" if metric.higher_is_better is not None else objective.direction
    usual_name = objective_name(metric.label, objective.scope, objective.segment)
    return {
        "metric": objective.metric,
        "scope": objective.scope,
        "segment": objective.segment,
        "comparison": objective.comparison,
        "limit": "" if limit is None else f"{limit:.10g}",
        "direction": usual,
        "critical": objective.critical,
        "name": "" if objective.name == usual_name else objective.name,
        "reason": objective.reason,
    }


def _plain(value: float, digits: int) -> str:
    return str(int(value)) if value == int(value) else f"{value:.{digits}f}"
