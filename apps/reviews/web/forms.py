"""Forms of requests and decisions; the rules are the services'."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.core.errors import FairwayError


class RequestForm(forms.Form):
    """Where the version shall go live, until when a decision is needed, and what the deciders should know."""

    environment = forms.RegexField(
        r"^[a-z][a-z0-9-]{0,39}$",
        initial="production",
        error_messages={"invalid": "Lower-case letters, digits and hyphens, beginning with a letter."},
        help_text="An approval holds for this environment alone.",
    )
    due_days = forms.IntegerField(
        label="Decision needed within",
        min_value=1,
        max_value=90,
        initial=5,
        help_text="Days. A request that is not decided by then expires; asking again takes one click.",
    )
    message = forms.CharField(
        label="What the deciders should know",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Why now, what was tried, what you are unsure of.",
    )


class DecisionForm(forms.Form):
    """A vote on the evidence that was seen."""

    vote = forms.ChoiceField(choices=[("APPROVE", "Approve"), ("REFUSE", "Refuse")])
    reason = forms.CharField(
        max_length=5000,
        error_messages={"required": "Give a reason: the requester reads it, and it is kept in the audit."},
        widget=forms.Textarea(
            attrs={"rows": 4, "placeholder": "Required. Read by the requester and kept in the audit."}
        ),
    )
    evidence_digest = forms.CharField(widget=forms.HiddenInput)
    override_confirmation = forms.CharField(required=False, max_length=200)


class MessageForm(forms.Form):
    """A question or an answer."""

    text = forms.CharField(
        label="Question or answer",
        max_length=5000,
        error_messages={"required": "Write a question or an answer."},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


def error_show(form: forms.Form, error: FairwayError) -> Any:
    """Put a refusal where it belongs: at its field, else above the form."""
    for name, texts in error.fields.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.detail)
        for item in error.items:
            form.add_error(None, str(item))
    return form
