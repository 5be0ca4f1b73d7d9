"""The form of a behaviour test: only the fields of its kind, read into what the service takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from apps.core.errors import Invalid
from apps.problems.models import BehaviourVersion, TaskKind
from apps.problems.web.changes import changes_read, changes_write
from apps.problems.web.forms import PlainForm, field_choice, field_number, field_text

Kind = BehaviourVersion.Kind
KIND_WORDS: Final = {
    Kind.INVARIANCE.value: "Same answer",
    Kind.DIRECTION.value: "One way",
    Kind.LEAST_FUNCTION.value: "Plain rows",
}
FIELDS_OF: Final = {
    Kind.INVARIANCE.value: ("change", "compare", "tolerance"),
    Kind.DIRECTION.value: ("change", "direction", "tolerance"),
    Kind.LEAST_FUNCTION.value: ("label", "at_least", "at_most"),
}
_COMMON: Final = ("name", "why", "where", "of_class", "least_percent", "critical")
TO_FORM: Final = {"expect": "label", "cases": "label", "class": "of_class", "least_share": "least_percent"}
_DIRECTIONS: Final = [
    ("NOT_UP", "the score must not rise"),
    ("NOT_DOWN", "the score must not fall"),
    ("UP", "the score must rise"),
    ("DOWN", "the score must fall"),
]


class BehaviourForm(PlainForm):
    """One behaviour test."""

    name = field_text("Name", placeholder="Colour alone does not decide", limit=120)
    why = field_text("Why it matters", rows=2, placeholder="Nobody is held for the colour of their skin.", limit=500)
    change = field_text(
        "What is changed, one column a line",
        rows=3,
        placeholder="colour: Black becomes White, White becomes Black",
        help="Also: checks + 1, income × 1.1, age = 20; 30; 40 (tried in turn), age = missing.",
    )
    compare = field_choice(
        "What must stay the same", [("LABEL", "the answer"), ("SCORE", "the score, within a tolerance")]
    )
    direction = field_choice("What must follow", _DIRECTIONS)
    tolerance = field_number(
        "Tolerance of the score", "0.01 allows one point of a score between 0 and 1.", needed=False
    )
    label = field_text("The answer must be", limit=200, needed=False)
    at_least = field_number("or the score at least", needed=False)
    at_most = field_number("or at most", needed=False)
    where = field_text(
        "Only rows where", placeholder="age >= 18", help="Empty: all held-out rows.", limit=500, needed=False
    )
    of_class = field_text("Score of the class", limit=200, needed=False)
    least_percent = field_number("Of 100 rows, so many must")
    critical = forms.BooleanField(label="Blocks a release unless it is shown to hold", required=False)

    def __init__(self, *args: Any, kind: str, task: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = {*_COMMON, *FIELDS_OF[kind]} - ({"of_class"} if task != TaskKind.MULTICLASS else set())
        for name in set(self.fields) - kept:
            del self.fields[name]


def behaviour_row(version: BehaviourVersion) -> dict[str, Any]:
    """A version as the form shows it."""
    said = version.definition
    expect = said.get("expect") or {}
    label = expect.get("label", "")
    return {
        "name": version.test.name,
        "why": version.why,
        "critical": version.critical,
        "change": changes_write(said.get("change") or []),
        "compare": said.get("compare", "SCORE"),
        "direction": said.get("direction", ""),
        "tolerance": _plain(said.get("tolerance")),
        "where": said.get("where", ""),
        "of_class": said.get("class", ""),
        "label": str(label).lower() if isinstance(label, bool) else label,
        "at_least": _plain(expect.get("at_least")),
        "at_most": _plain(expect.get("at_most")),
        "least_percent": f"{100 * float(said.get('least_share', 1)):.10g}",
    }


def behaviour_values(data: Mapping[str, Any], kind: str, before: BehaviourVersion | None) -> dict[str, Any]:
    """What a person sent as the service takes it; rows that are written in the test stay (the API changes them).

    Raises Invalid for what cannot be read.
    """
    faults: dict[str, list[str]] = {}
    wanted = {name: str(data.get(name, "")).strip() for name in (*_COMMON, *FIELDS_OF[kind])}

    def number(name: str, share: float = 1.0) -> float | None:
        text = wanted.get(name, "").replace("\u2212", "-")
        if not text:
            return None
        try:
            return float(text) / share
        except ValueError:
            faults[name] = ["A number, such as 0.01 or 95."]
            return None

    values: dict[str, Any] = {"name": wanted["name"], "why": wanted["why"], "kind": kind}
    values |= {"critical": bool(data.get("critical")), "where": wanted["where"], "class": wanted["of_class"]}
    values["least_share"] = number("least_percent", 100)
    if "change" in wanted:
        try:
            values["change"] = changes_read(wanted["change"])
        except ValueError as error:
            faults["change"] = [str(error)]
        values["tolerance"] = number("tolerance")
    values |= {name: wanted[name] for name in ("compare", "direction") if name in wanted}
    if kind == Kind.LEAST_FUNCTION:
        bounds = {name: number(name) for name in ("at_least", "at_most")}
        expect: dict[str, Any] = {name: value for name, value in bounds.items() if value is not None}
        if wanted["label"]:
            expect["label"] = wanted["label"]
        kept = before.definition.get("cases") if before is not None and not expect else None
        values |= {"cases": kept} if kept else {"expect": expect}
    if faults:
        raise Invalid("Some fields cannot be read. Nothing was saved.", fields=faults)
    return values


def behaviour_errors(form: forms.Form, error: Any) -> None:
    """Show messages of a refusal at their fields."""
    placed = False
    for field, texts in error.fields.items():
        name = TO_FORM.get(field, field)
        for text in texts:
            form.add_error(name if name in form.fields else None, text)
            placed = True
    if not placed:
        form.add_error(None, error.detail)


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
