"""The form of a webhook. Its names are those of the service, so that refusals find their fields."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms

from apps.core.errors import FairwayError
from apps.webhooks.contracts import EVENTS
from apps.webhooks.models import Webhook
from apps.webhooks.services import DESCRIPTION_LIMIT, SECRET_LIMIT
from apps.webhooks.targets import URL_LIMIT
from apps.webhooks.web.words import STATUS_WORDS, event_words, events_words

KEEP, REPLACE, REMOVE = "keep", "replace", "remove"
_SIGNING_HELP = (
    "Signs each delivery, so that the target can tell that it comes from here. Stored encrypted and never shown again."
)


class WebhookForm(forms.Form):
    """Base: what may be said of a webhook at any time."""

    name = forms.CharField(label="Name", max_length=63, help_text="Letters, digits, dots, dashes and underscores.")
    url = forms.CharField(
        label="Address",
        max_length=URL_LIMIT,
        help_text="Begins with https:// and leads to a public host. Lists and the audit name its host only.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label="Events",
        choices=[(event, f"{event_words(event)} ({event})") for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one event at least."},
    )
    secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=SECRET_LIMIT,
        strip=False,
        help_text=_SIGNING_HELP,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=DESCRIPTION_LIMIT,
        widget=forms.Textarea({"rows": 2, "maxlength": DESCRIPTION_LIMIT}),
    )
    status = forms.ChoiceField(
        label="State",
        choices=[
            (Webhook.Status.ACTIVE.value, "active: events are sent as they happen"),
            (Webhook.Status.DISABLED.value, "paused: nothing is sent, and nothing is told later"),
        ],
        widget=forms.RadioSelect,
        initial=Webhook.Status.ACTIVE.value,
    )

    def take_error(self, error: FairwayError) -> None:
        """Put a service's refusal at the fields it names, the rest above the form."""
        for name, messages in error.fields.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)
        if not error.fields:
            self.add_error(None, error.detail)


class WebhookCreateForm(WebhookForm):
    team = forms.TypedChoiceField(label="Team", coerce=uuid.UUID, help_text="Whose registry it tells of.")
    field_order = ("name", "team")

    def __init__(self, *args: Any, teams: Iterable[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].choices = [(str(team.pk), team.name) for team in teams]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return {**{k: v for k, v in self.cleaned_data.items() if k != "team"}, "team_id": self.cleaned_data["team"]}


class WebhookEditForm(WebhookForm):
    """The secret is not shown: it stays, is replaced, or ends."""

    secret_change = forms.ChoiceField(label="Signing", widget=forms.RadioSelect, initial=KEEP)
    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    field_order = ("name", "url", "events", "secret_change")

    def __init__(self, *args: Any, webhook: Webhook, **kwargs: Any) -> None:
        fields = ("name", "url", "events", "description", "status", "row_version")
        super().__init__(*args, **{**kwargs, "initial": {name: getattr(webhook, name) for name in fields}})
        self.webhook = webhook
        choices = [(KEEP, "keep the stored secret"), (REPLACE, "replace it"), (REMOVE, "remove it: nothing is signed")]
        self.fields["secret"].label = "New secret"
        if not webhook.secret:
            choices = [(KEEP, "not signed"), (REPLACE, "sign with this secret")]
        self.fields["secret_change"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        change, secret = data.get("secret_change"), data.get("secret")
        if change == REPLACE and not secret:
            self.add_error("secret", "Type the new secret.")
        elif change in (KEEP, REMOVE) and secret:
            self.add_error("secret", "Choose above that this secret is to be used, or leave the field empty.")
        return data

    def changes(self) -> dict[str, Any]:
        """What differs from what is stored: an address that stays is not resolved again."""
        data, found = self.cleaned_data, {}
        for name in ("name", "url", "description", "status"):
            if data[name] != getattr(self.webhook, name):
                found[name] = data[name]
        if sorted(data["events"]) != sorted(self.webhook.events):
            found["events"] = data["events"]
        if data["secret_change"] != KEEP:
            found["secret"] = data["secret"] if data["secret_change"] == REPLACE else ""
        return found

    def differences(self) -> list[tuple[str, str, str]]:
        """(field, stored now, typed) of what differs; a secret is named and not shown."""
        rows = []
        for name, mine in self.changes().items():
            label = str(self.fields[name].label)
            if name == "secret":
                rows.append((label, "not shown", "another one" if mine else "none"))
            else:
                rows.append((label, _told(name, getattr(self.webhook, name)), _told(name, mine)))
        return rows


def _told(name: str, value: Any) -> str:
    if name == "events":
        return events_words(value)
    return STATUS_WORDS.get(value, value) if name == "status" else str(value)
