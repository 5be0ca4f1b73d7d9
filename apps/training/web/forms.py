"""The launch form, made from the JSON Schema of the chosen recipe; the same schema checks what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import QueryDict

from apps.core import formats
from apps.core.errors import Invalid
from apps.jobs.contracts import PRIORITIES
from apps.training.services import SEED_LIMIT, params_check
from workers.contracts.recipes import RECIPES

PREFIX = "p."
_TRUE = {"on", "1", "true", "True"}


def _limits(schema: Mapping[str, Any]) -> str:
    """The range of a number in words: "0 to 1", "above 0, at most 1"."""
    if "exclusiveMinimum" in schema:
        return f"Above {_shown(schema['exclusiveMinimum'])}, at most {_shown(schema['maximum'])}."
    return f"{_shown(schema['minimum'])} to {_shown(schema['maximum'])}."


def _shown(limit: float) -> str:
    return formats.num(int(limit)) if float(limit).is_integer() else formats.num(limit)


def _field(schema: Mapping[str, Any]) -> forms.Field:
    """One param as a form field. Ranges are left to the schema, so that page, API and child say the same."""
    label, help_text = schema["title"], schema["description"]
    if schema["type"] == "boolean":
        return forms.BooleanField(label=label, help_text=help_text, required=False)
    if "enum" in schema:
        choices = [(one["const"], one["title"]) for one in schema.get("oneOf", ())]
        return forms.ChoiceField(label=label, help_text=help_text, choices=choices or [(v, v) for v in schema["enum"]])
    mode = "numeric" if schema["type"] == "integer" else "decimal"
    widget = forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "maxlength": 30})
    return forms.CharField(label=label, help_text=f"{help_text} {_limits(schema)}", max_length=30, widget=widget)


def _read(schema: Mapping[str, Any], text: Any) -> Any:
    """What was typed, as the JSON value it stands for; what is no number stays text for the schema to refuse."""
    if schema["type"] not in ("integer", "number") or not isinstance(text, str):
        return text
    plain = text.replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        return text
    if number != number or abs(number) == float("inf"):
        return text
    return int(number) if schema["type"] == "integer" and number.is_integer() else number


def _hint(schema: Mapping[str, Any], value: Any) -> str:
    """A share typed as percent is the usual slip: 80 for 0.8, 2 for 0.02."""
    if schema.get("type") != "number" or isinstance(value, str | bool) or schema.get("maximum") != 1:
        return ""
    return f" Did you mean {value / 100:g}?" if 1 < value <= 100 else ""


class LaunchForm(forms.Form):
    """Data, problem and recipe, the recipe's params, seed and name."""

    dataset_version = forms.ChoiceField(label="Data")
    problem = forms.ChoiceField(label="Problem")
    recipe = forms.ChoiceField(label="Recipe", widget=forms.RadioSelect)
    seed = forms.CharField(
        label="Seed",
        help_text="The same seed, data and params give the same model.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": 10}),
    )
    name = forms.CharField(label="Name of the run", required=False, max_length=200)
    priority = forms.ChoiceField(label="Priority", required=False, help_text="Which waiting jobs it starts before.")
    restartable = forms.BooleanField(
        label="May give up its place",
        required=False,
        help_text="With the priority low it is ended for a job of the highest priority, and begun again later.",
    )

    def __init__(
        self,
        *args: Any,
        versions: Sequence[tuple[str, str]],
        problems: Sequence[tuple[str, str]],
        recipes: Sequence[tuple[str, str]],
        recipe: str,
        task: str,
        targets: Sequence[tuple[str, str]] = (),
        priorities: Sequence[tuple[str, str]] = (("normal", "normal"),),
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.task = task
        self.schema: Mapping[str, Any] = RECIPES[recipe].schema["properties"] if recipe in RECIPES else {}
        self.fields["dataset_version"].choices = list(versions)  # type: ignore[attr-defined]
        self.fields["problem"].choices = list(problems)  # type: ignore[attr-defined]
        self.fields["recipe"].choices = list(recipes)  # type: ignore[attr-defined]
        self.fields["priority"].choices = list(priorities)  # type: ignore[attr-defined]
        if len(targets) > 1:
            self.fields["target_id"] = forms.TypedChoiceField(label="Runs on", choices=list(targets), coerce=uuid.UUID)
        for name, schema in self.schema.items():
            self.fields[PREFIX + name] = _field(schema)

    def clean_priority(self) -> str:
        return self.cleaned_data["priority"] or "normal"

    def priority_word(self) -> str:
        """The chosen priority, or the usual one while what is chosen is none."""
        chosen = str(self["priority"].value() or "")
        return chosen if chosen in PRIORITIES else "normal"

    def params(self) -> Iterator[tuple[BoundField, str, bool]]:
        """(field, unit, is it a switch) of each param of the recipe."""
        for name, schema in self.schema.items():
            yield self[PREFIX + name], schema.get("unit", ""), schema["type"] == "boolean"

    def clean_seed(self) -> int:
        text = self.cleaned_data["seed"].strip()
        if not text.isdecimal() or int(text) >= SEED_LIMIT:
            raise forms.ValidationError(f"A whole number from 0 to {SEED_LIMIT - 1}.")
        return int(text)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        typed = {name: _read(schema, data.get(PREFIX + name)) for name, schema in self.schema.items()}
        # A field that is in error already has said so.
        given = {name: value for name, value in typed.items() if PREFIX + name not in self.errors}
        try:
            data["params"] = params_check(str(data.get("recipe", "")), given, self.task)
        except Invalid as error:
            self.errors_take(error, typed)
        return data

    def errors_take(self, error: Invalid, typed: Mapping[str, Any] | None = None) -> None:
        """Show a refusal of the service at the fields that it names."""
        for name, messages in error.fields.items():
            param = name.removeprefix("params.")
            field = PREFIX + param if name.startswith("params.") else name
            hint = _hint(self.schema[param], typed.get(param)) if typed and param in self.schema else ""
            self.add_error(field if field in self.fields else None, " ".join(messages) + hint)
        if not error.fields:
            self.add_error(None, error.detail)


def initial_of(recipe: str, source: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows first: defaults, then the params of a clone, then what the address (or the form) says."""
    initial: dict[str, Any] = {"seed": "0"}
    # A switch that is off is not sent; absent, it is off only if this form had been drawn for the recipe.
    drawn = source.get("drawn") == recipe
    for name, schema in (RECIPES[recipe].schema["properties"] if recipe in RECIPES else {}).items():
        value = params.get(name, schema["default"])
        said = PREFIX + name in source and _means_the_same(name, schema, source)
        if said:
            value = source[PREFIX + name]
        if schema["type"] == "boolean":
            on = value if isinstance(value, bool) else str(value) in _TRUE
            initial[PREFIX + name] = on and (said or not drawn)
        else:
            initial[PREFIX + name] = f"{value:g}" if isinstance(value, float) else value
    return initial


def _means_the_same(name: str, schema: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    """Was the value typed for a param that means this one: 200 trees of one recipe are not 200 steps of another."""
    before = RECIPES.get(str(source.get("drawn", "")))
    return before is None or before.schema["properties"].get(name, {}).get("title") == schema["title"]


def sent_of(recipe: str, sent: QueryDict) -> QueryDict:
    """What was sent, for this recipe: sent before the params of a fresh choice were drawn, they take its defaults."""
    if sent.get("drawn", recipe) == recipe:
        return sent
    whole = sent.copy()
    for name, value in initial_of(recipe, sent, {}).items():
        if name.startswith(PREFIX):
            whole.pop(name, None)
            if value is not False and value is not None:
                whole[name] = "on" if value is True else str(value)
    return whole
