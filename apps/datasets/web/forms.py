"""Forms of the data pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from analysis.contracts.segments import PARTS
from apps.core.errors import Invalid


class DatasetForm(forms.Form):
    """Name and origin of a dataset."""

    name = forms.CharField(label="Name", widget=forms.TextInput(attrs={"maxlength": 120, "autocomplete": "off"}))
    problem = forms.ChoiceField(label="Problem", required=False, help_text="The question that these rows may answer.")
    source = forms.CharField(
        label="Source",
        required=False,
        help_text="Where the rows come from: a register, a system, an address.",
        widget=forms.TextInput(attrs={"maxlength": 300}),
    )
    licence = forms.CharField(
        label="Licence",
        required=False,
        help_text="What allows us to use them.",
        widget=forms.TextInput(attrs={"maxlength": 120}),
    )
    description = forms.CharField(
        label="Notes", required=False, widget=forms.Textarea(attrs={"rows": 3, "maxlength": 5000})
    )

    def __init__(self, *args: Any, problems: Iterable[Any] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "None yet"), *((str(p.pk), p.name) for p in problems)]
        self.fields["problem"].choices = choices  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the services take."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "problem_id": data["problem"] or None,
            "source": data["source"],
            "licence": data["licence"],
            "description": data["description"],
        }


class SplitForm(forms.Form):
    """Shares in percent; the seed and the column that keeps rows together."""

    train = forms.DecimalField(label="Training", min_value=0, max_value=100)
    validation = forms.DecimalField(label="Validation", min_value=0, max_value=100)
    test = forms.DecimalField(label="Test", min_value=0, max_value=100)
    by = forms.ChoiceField(label="By", required=False, help_text="Rows with the same value land in the same part.")
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, columns: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["by"].choices = [("", "row number"), *((c, c) for c in columns)]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        data = self.cleaned_data
        return {
            "seed": data["seed"],
            "fractions": {part: float(data[part] / 100) for part in PARTS},
            "by": data["by"] or None,
        }


def split_initial(split: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values for a stored split."""
    shares = split.get("fractions") or {}
    return {part: f"{100 * shares.get(part, 0):g}" for part in PARTS} | {
        "by": split.get("by") or "",
        "seed": split.get("seed", 0),
    }


def errors_show(form: forms.Form, error: Invalid | Any) -> None:
    """Show a refusal at the fields that it names, else above the form."""
    names = {"problem_id": "problem", "fractions": "train"}
    placed = False
    for field, texts in error.fields.items():
        name = names.get(field, field.rsplit(".", 1)[-1])
        if name in form.fields:
            placed = True
            for text in texts:
                form.add_error(name, text)
    if not placed:
        form.add_error(None, error.detail)
