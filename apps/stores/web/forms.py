"""The forms of stores and moves. Their names are those of the services, so that refusals find their fields."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from apps.core.errors import FairwayError
from apps.stores.contracts import ADDABLE, EVERY_FIELD, KINDS
from apps.stores.models import StorageBackend
from apps.stores.selectors import DAYS_MOST
from apps.stores.services.backends import SECRET_LIMIT

KEEP, REPLACE, REMOVE = "keep", "replace", "remove"
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def kind_choices() -> list[tuple[str, str]]:
    """Kinds that can be added: the installation's own store is there already."""
    return [(kind, KINDS[kind].title) for kind in ADDABLE]


class Refusable(forms.Form):
    """A form that shows a service's refusal where it belongs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)

    def take_error(self, error: FairwayError) -> None:
        """Put a service's refusal at the fields it names, the rest above the form."""
        for name, messages in error.fields.items():
            for message in messages:
                self.add_error(name if name in self.fields else None, message)
        if not error.fields or error.code in ("in_use", "place_taken"):
            self.add_error(None, error.detail)


class StoreForm(Refusable):
    """What may be said of a store at any time; the kind says which fields there are and what they are called."""

    name = forms.CharField(label="Name", max_length=63, help_text="Letters, digits, dots, dashes and underscores.")
    location = forms.CharField(max_length=500, widget=forms.TextInput(_PLAIN))
    # A field of that name; the form's own attribute is left as it is by Django.
    prefix = forms.CharField(max_length=200, widget=forms.TextInput(_PLAIN))  # type: ignore[assignment]
    endpoint_url = forms.CharField(max_length=500, widget=forms.TextInput({**_PLAIN, "inputmode": "url"}))
    region = forms.CharField(max_length=63, widget=forms.TextInput(_PLAIN))
    key_id = forms.CharField(max_length=200, widget=forms.TextInput(_PLAIN))
    secret = forms.CharField(required=False, max_length=SECRET_LIMIT)
    retention_days = forms.IntegerField(
        label="Days to keep what nothing needs",
        min_value=1,
        max_value=DAYS_MOST,
        initial=1,
        help_text="Files that nothing refers to any more are removed so many days after they were last written.",
    )
    description = forms.CharField(
        label="Description", required=False, max_length=1000, widget=forms.Textarea({"rows": 2, "maxlength": 1000})
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen = kind
        about = KINDS[kind]
        for name in EVERY_FIELD:
            told = about.fields.get(name)
            if told is None:
                del self.fields[name]
                continue
            field = self.fields[name]
            field.label, field.help_text, field.required = told.label, told.help, told.required
        if not about.key_label:
            del self.fields["secret"]
            return
        field = self.fields["secret"]
        field.label = about.key_label
        field.help_text = f"{about.key_help} Stored encrypted and never shown again."
        # What was pasted over several lines stays one text; a browser never gets it back.
        field.widget = forms.PasswordInput({"autocomplete": "new-password"})

    def values(self) -> dict[str, Any]:
        """What the service takes, the secret apart."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name not in ("secret", "secret_change", "row_version", "kind")
        }


class StoreCreateForm(StoreForm):
    """A new store; the kind is chosen first, since it says what is asked."""

    kind = forms.ChoiceField(label="Kind", widget=forms.RadioSelect)
    field_order = ("kind", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = kind_choices()  # type: ignore[attr-defined]
        self.fields["kind"].initial = self.chosen


class StoreEditForm(StoreForm):
    """The secret is not shown: it stays, is replaced, or ends."""

    secret_change = forms.ChoiceField(widget=forms.RadioSelect, initial=KEEP)
    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, backend: StorageBackend, **kwargs: Any) -> None:
        kwargs["initial"] = initial_of(backend)
        super().__init__(*args, kind=backend.kind, **kwargs)
        if "secret" not in self.fields:
            del self.fields["secret_change"]
            return
        held = bool(backend.secret)
        self.fields["secret_change"].label = self.fields["secret"].label
        self.fields["secret"].label = "New secret"
        self.fields["secret_change"].choices = [  # type: ignore[attr-defined]
            (KEEP, "keep the stored secret" if held else "none, as now"),
            (REPLACE, "replace it" if held else "set one"),
            *([(REMOVE, "remove it")] if held and not KINDS[backend.kind].key_required else []),
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("secret_change") == REPLACE and not data.get("secret"):
            self.add_error("secret", "Enter the new secret, or keep the stored one.")
        return data

    def secret_wanted(self) -> str | None:
        """What is to be stored: None keeps what is there, "" removes it."""
        change = self.cleaned_data.get("secret_change", KEEP)
        if change == REPLACE:
            return str(self.cleaned_data["secret"])
        return "" if change == REMOVE else None


class TeamForm(Refusable):
    """A team whose new files go to a store."""

    team_id = forms.TypedChoiceField(label="Team", coerce=uuid.UUID)

    def __init__(self, *args: Any, teams: Iterable[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team_id"].choices = [(str(team.pk), team.name) for team in teams]  # type: ignore[attr-defined]


class MoveForm(TeamForm):
    """Whose files, from where, to where."""

    source_id = forms.TypedChoiceField(label="From", coerce=uuid.UUID)
    target_id = forms.TypedChoiceField(label="To", coerce=uuid.UUID)

    def __init__(self, *args: Any, backends: Iterable[StorageBackend], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = list(backends)
        takes = [one for one in rows if one.state == StorageBackend.State.HEALTHY]
        self.fields["source_id"].choices = [(str(one.pk), one.name) for one in rows]  # type: ignore[attr-defined]
        self.fields["target_id"].choices = [(str(one.pk), one.name) for one in takes]  # type: ignore[attr-defined]


def initial_of(backend: StorageBackend) -> Mapping[str, Any]:
    """The stored values."""
    names = ("name", "description", "retention_days", "row_version", *EVERY_FIELD)
    return {name: getattr(backend, name) for name in names}
