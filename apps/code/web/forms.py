"""The form that brings code: a file, or a commit."""

from __future__ import annotations

from django import forms

from apps.core.errors import FairwayError


class BringForm(forms.Form):
    """Base of both: a name, and where refusals are shown."""

    name = forms.CharField(label="Name", required=False, max_length=120, help_text="Empty: what the code calls itself.")

    def take_error(self, error: FairwayError) -> None:
        """Show a refusal of the service at the fields that it names."""
        for field, texts in error.fields.items():
            self.add_error(field if field in self.fields else None, " ".join(texts))
        if not error.fields:
            self.add_error(None, error.detail)


class FileForm(BringForm):
    file = forms.FileField(
        label="File",
        error_messages={"required": "Choose a file first.", "empty": "The file is empty."},
        help_text="A .py script, an .ipynb notebook, a .zip of a folder, or a .whl wheel; at most 64 MiB.",
        widget=forms.FileInput({"accept": ".py,.ipynb,.zip,.whl"}),
    )
    field_order = ("file", "name")


class CommitForm(BringForm):
    repository = forms.CharField(
        label="Repository",
        max_length=500,
        help_text="Its https address, without name and password. A job fetches it.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    commit = forms.CharField(
        label="Commit",
        max_length=64,
        help_text="All 40 digits: a branch moves, a commit stays.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "class": "fw-mono"}),
    )
    field_order = ("repository", "commit", "name")
