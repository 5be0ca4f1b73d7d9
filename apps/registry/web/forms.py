"""Words about models and versions."""

from __future__ import annotations

from django import forms


class DescriptionForm(forms.Form):
    """The only field of a sealed version that may change."""

    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    description = forms.CharField(
        label="Description",
        help_text="What it is for, what it must not be used for, what is known to go wrong.",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8, "maxlength": 20_000}),
    )
