"""The form of a sweep, made from the JSON Schemas of the parameters; the service checks what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms import BoundField

from apps.core.errors import Invalid
from apps.sweeps.contracts import MAXIMISE, MINIMISE, Aim
from workers.contracts.spaces import searchable

SWITCH = [("true", "yes"), ("false", "no")]
_SHORT = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 30}
METHODS = [
    ("TPE", "TPE: looks more where it was good"),
    ("RANDOM", "Random: anywhere in the ranges"),
    ("GRID", "Grid: every combination"),
]


def number_of(text: Any, *, whole: bool = False) -> Any:
    """What was typed as a number; what is none stays text, for the service to refuse."""
    plain = str(text or "").replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return text
    if number != number or abs(number) == float("inf"):
        return text
    return int(number) if (whole or number.is_integer()) and number.is_integer() else number


def _typed(schema: Mapping[str, Any], text: Any) -> Any:
    """A choice or a value as the JSON value it stands for."""
    kind = schema["type"]
    if kind == "boolean":
        return {"true": True, "false": False}.get(str(text).lower(), text)
    if kind in ("integer", "number"):
        return number_of(text, whole=kind == "integer")
    return text


def _choices(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    if schema["type"] == "boolean":
        return SWITCH
    named = {str(one["const"]): str(one["title"]) for one in schema.get("oneOf", ()) if "const" in one}
    return [(str(one), named.get(str(one), str(one))) for one in schema.get("enum", ())]


@dataclass(frozen=True, slots=True)
class Axis:
    """The fields of one parameter, for the template."""

    name: str
    title: str
    help: str
    unit: str
    shown: str
    open: bool
    search: BoundField | None
    value: BoundField
    choices: BoundField | None
    low: BoundField | None
    high: BoundField | None
    log: BoundField | None


class SweepForm(forms.Form):
    """What is searched over, by which method, for what, and what stops it."""

    name = forms.CharField(label="Name", required=False, max_length=120)
    method = forms.ChoiceField(label="Method", choices=METHODS, initial="TPE")
    max_trials = forms.IntegerField(label="Trials at most", initial=20, min_value=1, max_value=1000)
    parallel = forms.IntegerField(label="Trials at once", initial=2, min_value=1, max_value=50)
    grid_points = forms.IntegerField(
        label="Values of a range in a grid", required=False, initial=5, min_value=2, max_value=100
    )
    max_minutes = forms.IntegerField(label="Minutes at most", required=False, min_value=1, max_value=43_200)
    cost_limit = forms.DecimalField(
        label="Cost at most", required=False, min_value=0, max_digits=12, decimal_places=2,
        help_text="By the price an hour of the target. The sweep stops there.",
    )  # fmt: skip
    max_failures = forms.IntegerField(label="Failures in a row at most", initial=3, min_value=1, max_value=100)
    prune_after = forms.IntegerField(
        label="End hopeless trials early, from step",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="At growing steps only the best third of the trials goes on. Empty: every trial runs to its end.",
    )
    seed = forms.IntegerField(label="Seed", initial=0, min_value=0, max_value=2**32 - 1)

    def __init__(
        self,
        *args: Any,
        properties: Mapping[str, Mapping[str, Any]],
        aims: Sequence[Aim],
        targets: Sequence[tuple[str, str]] = (),
        space: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.properties = properties
        self.aims = {aim.metric: aim for aim in aims}
        self.space, self.held = space or {}, params or {}
        if self.aims:
            self.fields["objectives"] = forms.MultipleChoiceField(
                label="Objectives",
                choices=[(aim.metric, _aim_words(aim)) for aim in aims],
                widget=forms.CheckboxSelectMultiple,
                help_text="On the validation rows. Limits are those of the problem.",
            )
        else:
            self._metric_fields()
        if len(targets) > 1:
            self.fields["target_id"] = forms.TypedChoiceField(label="Runs on", choices=list(targets), coerce=uuid.UUID)
        for name, schema in properties.items():
            self._param_fields(name, schema)

    def _metric_fields(self) -> None:
        ways = [(MINIMISE, "lower is better"), (MAXIMISE, "higher is better")]
        for number, required in ((1, True), (2, False)):
            self.fields[f"metric_{number}"] = forms.CharField(
                label="Metric that the code logs" if required else "Second metric", required=required, max_length=250
            )
            self.fields[f"direction_{number}"] = forms.ChoiceField(label="Which way is better", choices=ways)
            self.fields[f"limit_{number}"] = forms.FloatField(label="Limit to keep to", required=False)

    def _param_fields(self, name: str, schema: Mapping[str, Any]) -> None:
        default = self.held.get(name, schema.get("default"))
        axis = self.space.get(name)
        choices = _choices(schema)
        if choices:
            shown = str(default).lower() if schema["type"] == "boolean" else str(default)
            value: forms.Field = forms.ChoiceField(label="Value", choices=choices, initial=shown, required=False)
        else:
            text = "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
            value = forms.CharField(label="Value", required=False, initial=text, max_length=4000)
        self.fields[f"v.{name}"] = value
        if not searchable(schema):
            return
        self.fields[f"s.{name}"] = forms.BooleanField(label="Search over it", required=False, initial=axis is not None)
        if choices:
            held = [str(one).lower() if isinstance(one, bool) else str(one) for one in (axis or {}).get("choices", ())]
            self.fields[f"c.{name}"] = forms.MultipleChoiceField(
                label="Choices",
                choices=choices,
                required=False,
                initial=held or [code for code, _ in choices],
                widget=forms.CheckboxSelectMultiple,
            )
            return
        low, high, log = _range(schema, default)
        if axis and "low" in axis:
            low, high, log = axis["low"], axis["high"], bool(axis.get("log"))
        for key, label, initial in (("l", "From", low), ("h", "To", high)):
            shown = "" if initial is None else f"{initial:g}"
            self.fields[f"{key}.{name}"] = forms.CharField(
                label=label, required=False, initial=shown, max_length=30, widget=forms.TextInput(attrs=_SHORT)
            )
        self.fields[f"g.{name}"] = forms.BooleanField(label="By ratio (logarithmic)", required=False, initial=log)

    def axes(self) -> Iterator[Axis]:
        """The parameters with their fields, in the order of the schema."""
        for name, schema in self.properties.items():
            search = self._field(f"s.{name}")
            errors = any(self[f"{key}.{name}"].errors for key in "vslhgc" if f"{key}.{name}" in self.fields)
            yield Axis(
                name=name,
                title=str(schema.get("title") or name),
                help=str(schema.get("description") or ""),
                unit=str(schema.get("unit") or ""),
                shown=str(self[f"v.{name}"].value() or ""),
                open=errors or bool(search and search.value() not in (False, None, "")),
                search=search,
                value=self[f"v.{name}"],
                choices=self._field(f"c.{name}"),
                low=self._field(f"l.{name}"),
                high=self._field(f"h.{name}"),
                log=self._field(f"g.{name}"),
            )

    def _field(self, name: str) -> BoundField | None:
        return self[name] if name in self.fields else None

    def space_said(self) -> dict[str, Any]:
        """The search space as the service takes it."""
        data = self.cleaned_data
        found: dict[str, dict[str, Any]] = {}
        points = data.get("grid_points")
        for name, schema in self.properties.items():
            if not data.get(f"s.{name}"):
                continue
            if f"c.{name}" in self.fields:
                found[name] = {"choices": [_typed(schema, one) for one in data.get(f"c.{name}") or ()]}
                continue
            whole = schema["type"] == "integer"
            axis = {
                key: number_of(data.get(f"{short}.{name}"), whole=whole) for key, short in (("low", "l"), ("high", "h"))
            }
            found[name] = {**axis, "log": bool(data.get(f"g.{name}"))}
            if points:
                found[name]["points"] = points
        return found

    def params_said(self) -> dict[str, Any]:
        """The fixed values; of what is searched over, its value is where the search begins."""
        found = {}
        for name, schema in self.properties.items():
            text = self.cleaned_data.get(f"v.{name}", "")
            if text not in ("", None):
                found[name] = _typed(schema, text)
        return found

    def objectives_said(self) -> list[dict[str, Any]]:
        data = self.cleaned_data
        if self.aims:
            return [self.aims[metric].to_json() for metric in data.get("objectives", ())]
        return [
            {
                "metric": data[f"metric_{number}"],
                "direction": data[f"direction_{number}"],
                "limit": data.get(f"limit_{number}"),
            }
            for number in (1, 2)
            if data.get(f"metric_{number}")
        ]

    def errors_take(self, error: Invalid) -> None:
        """Show a refusal of the service at the fields that it names."""
        names = {"max_seconds": "max_minutes", "cost_limit_minor": "cost_limit"}
        for name, texts in error.fields.items():
            head, _, param = name.partition(".")
            field = names.get(name, name)
            if head == "space" and param in self.properties:
                field = next((f"{key}.{param}" for key in "clsv" if f"{key}.{param}" in self.fields), "")
            elif head == "params" and param in self.properties:
                field = f"v.{param}"
            elif head == "objectives" and not self.aims:
                field = "metric_1"
            self.add_error(field if field in self.fields else None, " ".join(texts))
        if not error.fields:
            self.add_error(None, error.detail)


def _range(schema: Mapping[str, Any], default: Any) -> tuple[Any, Any, bool]:
    """Where a search may begin to look: a tenth to ten times the default, inside what is allowed."""
    above = schema.get("exclusiveMinimum")
    low, high = schema.get("minimum", above), schema.get("maximum", schema.get("exclusiveMaximum"))
    if isinstance(default, bool) or not isinstance(default, int | float) or default <= 0:
        return low if above is None else None, high, False
    first, last = default / 10, default * 10
    first = first if low is None else max(first, low)
    last = last if high is None else min(last, high)
    if schema["type"] == "integer":
        first, last = max(1, round(first)), round(last)
    return first, last, first > 0


def _aim_words(aim: Aim) -> str:
    limit = "" if aim.limit is None else f", at {'most' if aim.lower else 'least'} {aim.limit:g}"
    return f"{aim.name}: {'lower' if aim.lower else 'higher'} is better{limit}"
