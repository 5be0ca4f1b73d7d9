"""Words that people write about experiments and runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from apps.experiments.models import Lesson
from apps.experiments.services.lessons import TEXT_LIMIT as TEXT_LIMIT_LESSON

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


class LessonForm(WordsForm):
    """What a run taught; measures and runs to measure it by are those of the run at hand."""

    effect = forms.ChoiceField(label="Effect", choices=Lesson.Effect.choices, help_text="What the change did.")
    metric = forms.ChoiceField(label="On which metric", required=False)
    segment = forms.CharField(
        label="For which segment", required=False, max_length=200, help_text="Empty: for everybody."
    )
    against_id = forms.ChoiceField(
        label="Measured against", required=False, help_text="The difference of the metric is shown beside it."
    )
    text = forms.CharField(
        label="What it taught",
        max_length=TEXT_LIMIT_LESSON,
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": TEXT_LIMIT_LESSON}),
        help_text="A sentence or two for whoever comes next.",
    )

    @classmethod
    def for_run(cls, metrics: Sequence[tuple[str, str]], runs: Sequence[tuple[str, str]]) -> type[LessonForm]:
        """The form with the choices of one run."""

        class RunLessonForm(cls):  # type: ignore[misc, valid-type]
            metric = forms.ChoiceField(
                label="On which metric", required=False, choices=[("", "None in particular"), *metrics]
            )
            against_id = forms.ChoiceField(
                label="Measured against",
                required=False,
                choices=[("", "Nothing"), *runs],
                help_text=cls.base_fields["against_id"].help_text,
            )

        return RunLessonForm

    def words(self) -> dict[str, Any]:
        fields = super().words()
        return {**fields, "against_id": uuid.UUID(fields["against_id"]) if fields["against_id"] else None}


class TagForm(forms.Form):
    key = forms.CharField(label="Tag", max_length=250)
    value = forms.CharField(label="Value", max_length=8000, required=False)
