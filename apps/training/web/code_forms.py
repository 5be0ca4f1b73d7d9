"""The form of people's own code, made from the schema of the chosen entry; the same schema checks what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField

from apps.code.contracts import Entry
from apps.core.errors import FairwayError, Invalid
from apps.jobs.contracts import PRIORITIES
from apps.training.services import SEED_LIMIT, SEEDS, values_check
from workers.contracts.parameters import ordered, range_words, text_of

PREFIX = "p."
COMMAND = "command:"
"""The choice among entries that stands for a command line."""
Choices = Sequence[tuple[str, str]]


def field_of(name: str, one: Mapping[str, Any], inputs: Mapping[str, Choices], *, required: bool) -> forms.Field:
    """One parameter as a form field. Ranges are left to the schema, so that page, API and child say the same."""
    label = str(one.get("title") or name)
    required = required or one.get("default", "") != ""  # what has a default shows it
    help_text = " ".join(filter(None, [_sentence(str(one.get("description", ""))), _range(one)]))
    if one.get("format"):
        none = [] if required else [("", "none")]
        choices = [*none, *inputs[one["format"]]]
        return forms.ChoiceField(label=label, help_text=help_text, choices=choices, required=required)
    if one["type"] == "boolean":
        return forms.BooleanField(label=label, help_text=help_text, required=False)
    if "enum" in one:
        listed = [(text_of(value), text_of(value)) for value in one["enum"]]
        if not required and "default" not in one:
            listed.insert(0, ("", "as the code has it"))
        return forms.ChoiceField(label=label, help_text=help_text, choices=listed, required=required)
    number = one["type"] in ("integer", "number")
    attrs = {"autocomplete": "off"} | (
        {"inputmode": "decimal" if one["type"] == "number" else "numeric"} if number else {}
    )
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=40 if number else int(one.get("maxLength", 4000)),
        widget=forms.TextInput(attrs=attrs),
    )


def _sentence(text: str) -> str:
    """A description as a sentence."""
    text = text.strip()
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?:…" else ".") if text else ""


def _range(one: Mapping[str, Any]) -> str:
    words = range_words(one)
    return words[0].upper() + words[1:] + "." if words else ""


def typed(one: Mapping[str, Any], text: Any) -> Any:
    """What was typed, as the JSON value it stands for; what is none stays text for the schema to refuse."""
    if not isinstance(text, str) or one["type"] not in ("integer", "number"):
        return text
    plain = text.replace("\u202f", "").replace(" ", "").replace(",", ".")
    try:
        number = float(plain)
        return int(plain) if one["type"] == "integer" and plain.lstrip("+-").isdecimal() else number
    except ValueError:
        return text


class CodeForm(forms.Form):
    """Code, entry, its parameters, and what else a launch says."""

    bundle = forms.ChoiceField(label="Code")
    entry = forms.ChoiceField(label="Entry")
    command = forms.CharField(
        label="Command",
        required=False,
        max_length=4000,
        error_messages={"required": "Give a command, such as python train.py."},
        help_text="Words as on a command line, such as python -m package.task --rate 0.1. No shell reads them.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    environment = forms.ChoiceField(label="Packages")
    target = forms.ChoiceField(label="Runs on", required=False)
    problem = forms.ChoiceField(
        label="Problem",
        required=False,
        help_text="Models that the code logs with MLflow become versions of this problem's model.",
    )
    seed = forms.CharField(
        label="Seed",
        help_text="In FAIRWAY_SEED, PYTHONHASHSEED, and in a parameter called seed.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": 10}),
    )
    name = forms.CharField(label="Name of the run", required=False, max_length=200)
    priority = forms.ChoiceField(label="Priority", required=False, help_text="Which waiting jobs it starts before.")
    checkpoint = forms.CharField(
        label="Checkpoint folder",
        required=False,
        max_length=200,
        help_text="Files that the code writes there are kept while it runs; after a loss it goes on from them. "
        "FAIRWAY_CHECKPOINT names the folder.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    restartable = forms.BooleanField(
        label="May give up its place",
        required=False,
        help_text="With the priority low it is ended for a job of the highest priority, and begun again later.",
    )
    template_as = forms.CharField(label="Name of the template", required=False, max_length=120)

    def __init__(
        self,
        *args: Any,
        entry: Entry | None,
        choices: Mapping[str, Choices],
        inputs: Mapping[str, Choices],
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.chosen = entry
        if len(choices.get("target", ())) < 2:
            del self.fields["target"]
        for name, listed in choices.items():
            if name not in self.fields:
                continue
            self.fields[name].choices = list(listed)  # type: ignore[attr-defined]
        self.properties = ordered(entry.schema) if entry is not None else []
        required = set(entry.schema.get("required", ())) if entry is not None else set()
        for name, one in self.properties:
            self.fields[PREFIX + name] = field_of(name, one, inputs, required=name in required)
        self.fields["seed"].required = not self.has_seed
        self.fields["command"].required = entry is None

    def clean_priority(self) -> str:
        return self.cleaned_data["priority"] or "normal"

    def priority_word(self) -> str:
        """The chosen priority, or the usual one while what is chosen is none."""
        chosen = str(self["priority"].value() or "")
        return chosen if chosen in PRIORITIES else "normal"

    def params(self, *, switches: bool) -> Iterator[BoundField]:
        """The fields of the parameters: the switches, or the others."""
        for name, one in self.properties:
            if (one["type"] == "boolean") == switches:
                yield self[PREFIX + name]

    @property
    def has_seed(self) -> bool:
        """Does the entry take the seed as one of its own parameters?"""
        return any(name in SEEDS and one["type"] == "integer" for name, one in self.properties)

    def clean_seed(self) -> int:
        text = self.cleaned_data["seed"].strip() or ("0" if self.has_seed else "")
        if not text.isdecimal() or int(text) >= SEED_LIMIT:
            raise forms.ValidationError(f"A whole number from 0 to {SEED_LIMIT - 1}.")
        return int(text)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        values = {
            name: self._value(name, one, data) for name, one in self.properties if PREFIX + name not in self.errors
        }
        try:
            data["params"] = values_check(self.chosen, values)
        except Invalid as error:
            self.errors_take(error)
        return data

    @staticmethod
    def _value(name: str, one: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
        value = data.get(PREFIX + name)
        if "enum" in one and one["type"] != "string":
            return next((choice for choice in one["enum"] if text_of(choice) == value), value)
        return typed(one, value)

    def errors_take(self, error: FairwayError) -> None:
        """Show a refusal of the service at the fields that it names."""
        words = {"bundle_id": "bundle", "problem_id": "problem", "target_id": "target", "lock": "environment"}
        for name, texts in error.fields.items():
            field = PREFIX + name.removeprefix("params.") if name.startswith("params.") else words.get(name, name)
            if field not in self.errors:
                self.add_error(field if field in self.fields else None, " ".join(texts))
        if not error.fields:
            self.add_error(None, error.detail)


def initial_of(entry: Entry | None, source: Mapping[str, Any], params: Mapping[str, Any], data: str) -> dict[str, Any]:
    """What the parameters show first: defaults, then a clone's, then what the address or the form says.

    `data` is the dataset version that the page was opened from, for the first input that takes one.
    """
    initial: dict[str, Any] = {}
    drawn = source.get("drawn", "") == (entry.id if entry else COMMAND)
    for name, one in ordered(entry.schema) if entry is not None else ():
        value = params.get(name, one.get("default"))
        if one.get("format") == "dataset" and data and not params.get(name):
            value, data = data, ""
        if one["type"] == "boolean":
            initial[PREFIX + name] = PREFIX + name in source if drawn else value is True
        elif drawn and PREFIX + name in source:
            initial[PREFIX + name] = source[PREFIX + name]
        else:
            initial[PREFIX + name] = "" if value is None else text_of(value)
    return initial
