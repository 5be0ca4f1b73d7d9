"""The problem form: plain fields and rows, read into the values that the services check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.utils import ErrorDict

from analysis.contracts.metrics import FACTS, PERCENT, metric_get, metrics_offered
from analysis.contracts.wording import UNIT_WORDS
from apps.problems.models import DecisionMode, Objective, RiskClass, SegmentVersion, TaskKind
from apps.problems.money import CURRENCIES

_BLANK = [("", "Choose…")]
INDEXED = re.compile(r"^(objectives|segments)\[(\d+)\](?:\.(.+))?$")
TO_FORM = {
    "error_costs": "cost_fp",
    "error_costs.currency": "currency",
    "error_costs.false_positive": "cost_fp",
    "error_costs.false_negative": "cost_fn",
    "error_costs.per_error": "cost_error",
    "error_costs.per_unit": "cost_unit",
    "error_costs.matrix": "cost_error",
    "owner_id": "owner",
    "least_support": "support_rows",
    "least_support.rows": "support_rows",
    "least_support.positives": "support_positives",
    "least_support.negatives": "support_negatives",
}
ROW_TO_FORM = {"bands": "edges", "least_support": "least_rows", "least_support.rows": "least_rows"}


class PlainForm(forms.Form):
    """A form that draws fields and shows messages; what is right is for the services to say, once."""

    use_required_attribute = False

    def full_clean(self) -> None:
        self._errors = ErrorDict(renderer=self.renderer)
        self.cleaned_data: dict[str, Any] = {}


def field_text(
    label: str, *, rows: int = 0, help: str = "", placeholder: str = "", limit: int = 2000, needed: bool = True
) -> forms.CharField:
    attrs: dict[str, Any] = {"maxlength": limit}
    if placeholder:
        attrs["placeholder"] = placeholder
    widget = forms.Textarea(attrs={**attrs, "rows": rows}) if rows else forms.TextInput(attrs=attrs)
    return forms.CharField(label=label, required=needed, help_text=help, widget=widget)


def field_number(label: str, help: str = "", *, needed: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=needed,
        help_text=help,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 30}),
    )


def field_choice(
    label: str, choices: Iterable[tuple[str, str]], help: str = "", *, needed: bool = True
) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(choices), required=needed, help_text=help)


class NameForm(forms.Form):
    """All that is needed to begin."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="As people call it: “Release on recognisance”, “Late invoices”. Everything else comes next.",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )


class ReasonForm(forms.Form):
    """A reason that is kept."""

    reason = forms.CharField(label="Reason", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class DraftForm(PlainForm):
    """The fields of a problem version."""

    name = field_text("Name", limit=120)
    question = field_text("Question", rows=2, placeholder="Should this person be released, or held for a hearing?")
    decision_served = field_text(
        "Decision served", rows=2, help="Which decision the answer helps, who takes it, and what happens then."
    )
    population = field_text(
        "Population", rows=2, help="About whom or what the question is asked: place, time, exclusions."
    )
    unit_of_prediction = field_text("One row is", placeholder="one arrest", limit=200)
    owner = forms.ChoiceField(label="Product owner", help_text="Answers for the problem and accepts its versions.")
    risk_class = field_choice("Risk class", _BLANK + RiskClass.choices, "How much harm a wrong answer can do.")
    decision_mode = field_choice("Who decides", _BLANK + DecisionMode.choices)
    task = field_choice("The answer is one of", TaskKind.choices)
    target = field_text("Column with the true answer", placeholder="released", limit=200)
    positive_label = field_text("Value that counts as positive", placeholder="Yes", limit=200)
    positive_word = field_text("In words, positive", placeholder="released", limit=60)
    negative_word = field_text("In words, negative", placeholder="held", limit=60)
    currency = field_choice("Currency", [(c, c) for c in CURRENCIES])
    cost_fp = field_number("Wrongly predicted positive costs")
    cost_fn = field_number("Wrongly predicted negative costs")
    cost_error = field_number("Each wrong answer costs")
    cost_unit = field_number("Each unit of error costs")
    label_delay_days = field_number("The true answer is known after", "0 when it is known at once.")
    review_period_days = field_number("Look at the problem again after")
    support_rows = field_number("Least rows in a group", "With fewer, nothing is concluded about the group.")
    support_positives = field_number("of these, positive")
    support_negatives = field_number("of these, negative")

    def __init__(self, *args: Any, owners: Iterable[Any] = (), currency: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(person.pk), str(person)) for person in owners]
        self.fields["owner"].choices = _BLANK + people  # type: ignore[attr-defined]
        if currency and currency not in CURRENCIES:
            self.fields["currency"].choices += [(currency, currency)]  # type: ignore[attr-defined]


class ObjectiveForm(PlainForm):
    """One row of the objectives."""

    metric = forms.ChoiceField(label="Measure")
    scope = field_choice("Where", Objective.Scope.choices)
    segment = field_choice("Segment", [("", "–")], "For a gap between groups.", needed=False)
    comparison = field_choice("Held against", Objective.Comparison.choices)
    limit = field_number("Limit")
    direction = field_choice("Better is", [("", "as usual"), *Objective.Direction.choices], needed=False)
    critical = forms.BooleanField(label="Blocks approval when it is not proven", required=False)
    name = field_text("Name", limit=120, placeholder="Named by the measure", needed=False)
    reason = forms.CharField(
        label="Why this one",
        required=False,
        max_length=2000,
        help_text="Needed for a gap between groups: criteria contradict each other, so each is a choice.",
    )

    def __init__(self, *args: Any, task: str = TaskKind.BINARY, segments: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = task if task in TaskKind.values else TaskKind.BINARY
        metrics = [(m.name, m.label) for m in metrics_offered(known) if m.name != "count"]
        facts = ("Facts of the model", [(fact.name, fact.label) for fact in FACTS.values()])
        self.fields["metric"].choices = [*_BLANK, *metrics, facts]  # type: ignore[attr-defined]
        self.fields["segment"].choices = [("", "–"), *((s, s) for s in segments if s)]  # type: ignore[attr-defined]

    @property
    def more(self) -> bool:
        """Are the rarely needed fields of this row in use, or at fault?"""
        used = any(self[name].value() for name in ("segment", "direction", "name", "reason"))
        bad = any(name in self.errors for name in ("segment", "direction", "name", "reason"))
        return used or bad or self["scope"].value() == Objective.Scope.DISPARITY

    @property
    def unit(self) -> str:
        """What the limit is written in."""
        code = self["metric"].value()
        try:
            metric = metric_get(code) if code else None
        except KeyError:
            return ""
        if metric is None or metric.unit != PERCENT:
            return UNIT_WORDS.get(metric.unit, "") if metric is not None else ""
        return "points" if self["comparison"].value() == "LIVE" or self["scope"].value() == "DISPARITY" else "%"


class SegmentForm(PlainForm):
    """One row of the segments."""

    @property
    def more(self) -> bool:
        """Are the rarely needed fields of this row in use, or at fault?"""
        return any(self[name].value() or name in self.errors for name in ("least_rows", "legal_note"))

    name = field_text("Name", placeholder="Age", limit=120)
    expression = field_text(
        "Column or condition", placeholder="age", help="A column, or a condition such as age >= 35.", limit=500
    )
    edges = field_text("Bands begin at", placeholder="25, 35", help="For numbers only.", limit=500, needed=False)
    labels = field_text("Names of the bands", placeholder="under 25; 25 to 34; 35 and over", limit=2000, needed=False)
    purpose = field_choice(
        "Purpose", SegmentVersion.Purpose.choices, "Protected: the law or decency forbids to treat it worse."
    )
    least_rows = field_number("Least rows", "Empty: as for the problem.", needed=False)
    legal_note = field_text("Legal note", limit=2000, needed=False)


def segment_values(
    row: Mapping[str, Any], support: Mapping[str, int] | None
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """A row of the segments as the services take it, and what could not be read, by field."""
    bad: dict[str, list[str]] = {}
    item: dict[str, Any] = {k: row.get(k, "") for k in ("name", "expression", "legal_note")}
    item["purpose"] = row.get("purpose") or "PERFORMANCE"
    edges = str(row.get("edges", "")).strip()
    if edges:
        labels = [label.strip() for label in str(row.get("labels", "")).split(";") if label.strip()]
        try:
            numbers = [float(edge) for edge in re.split(r"[,;\s]+", edges) if edge]
            item["bands"] = {"edges": numbers, "labels": labels}
        except ValueError:
            bad["bands"] = ["Numbers with commas between them, such as 25, 35."]
    least = str(row.get("least_rows", "")).strip()
    if least:
        if least.isdigit():
            item["least_support"] = {**(support or {}), "rows": int(least)}
        else:
            bad["least_support"] = ["A whole number."]
    return item, bad


def segment_errors(form: forms.Form, fields: Mapping[str, Iterable[str]], detail: str) -> None:
    """Show messages at the fields of a segment's own form."""
    if not fields:
        form.add_error(None, detail)
    for field, texts in fields.items():
        name = ROW_TO_FORM.get(field, field)
        for text in texts:
            form.add_error(name if name in form.fields else None, text)


def segment_row(segment: SegmentVersion) -> dict[str, Any]:
    bands = segment.bands or {}
    return {
        "name": segment.segment.name,
        "expression": segment.expression,
        "edges": ", ".join(f"{edge:g}" for edge in bands.get("edges", [])),
        "labels": "; ".join(bands.get("labels", [])),
        "purpose": segment.purpose,
        "least_rows": (segment.least_support or {}).get("rows", ""),
        "legal_note": segment.legal_note,
    }


def segment_proposed(query: Mapping[str, Any]) -> dict[str, str] | None:
    """A segment that an address proposes (segment-name, segment-expression, segment-purpose); None without an
    expression.
    """
    given = {name: str(query.get(f"segment-{name}", "")).replace("\x00", "").strip() for name in ("name", "expression")}
    if not given["expression"]:
        return None
    purpose = str(query.get("segment-purpose", ""))
    known = purpose if purpose in SegmentVersion.Purpose.values else SegmentVersion.Purpose.PERFORMANCE.value
    return {"name": given["name"][:120], "expression": given["expression"][:2000], "purpose": known}


def field_anchor(field: str) -> str:
    """The id of the form's field that the API calls `field`; for links from the list of what is missing."""
    match = INDEXED.match(field)
    if match and match[3]:
        return f"id_{match[1]}-{match[2]}-{ROW_TO_FORM.get(match[3], match[3])}"
    if field in ("objectives", "segments"):
        return f"h-{field}"
    return f"id_{TO_FORM.get(field, field)}"
