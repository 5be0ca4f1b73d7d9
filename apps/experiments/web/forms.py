"""Words that people write about experiments and runs."""

from __future__ import annotations

from typing import Any

from django import forms

TEXT_LIMIT = 20_000


def _area(label: str, help_text: str, rows: int) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows, "maxlength": TEXT_LIMIT})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=TEXT_LIMIT, widget=widget)


class WordsForm(forms.Form):
    """Base: carries the state of the row that the person saw."""

    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def words(self) -> dict[str, Any]:
        """The fields without the row's state."""
        return {name: value for name, value in self.cleaned_data.items() if name != "row_version"}


class ExperimentForm(WordsForm):
    name = forms.CharField(label="Name", max_length=250)
    hypothesis = _area("Hypothesis", "What you expect, and what would show that it is wrong.", 4)
    conclusion = _area("Conclusion", "What was learnt. An experiment with a conclusion counts as concluded.", 4)


class NotesForm(WordsForm):
    notes = _area("Notes", "They may change at any time, also once the run is sealed.", 6)


class TagForm(forms.Form):
    key = forms.CharField(label="Tag", max_length=250)
    value = forms.CharField(label="Value", max_length=8000, required=False)
