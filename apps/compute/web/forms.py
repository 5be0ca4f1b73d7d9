"""The form of a target. Its names are those of the service, so that refusals find their fields."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms

from apps.compute.models import ComputeTarget
from apps.compute.services import kind_about, kinds
from apps.compute.services.targets import SECRET_LIMIT
from apps.core.errors import FairwayError

KEEP, REPLACE, REMOVE = "keep", "replace", "remove"
GIB = 1024**3
CURRENCIES = ("EUR", "USD", "GBP", "CHF", "CAD", "AUD", "JPY", "SEK", "NOK", "DKK", "PLN", "INR")
_NO_MINOR = {"JPY"}


def kind_choices() -> list[tuple[str, str]]:
    """Kinds that can be added: this machine is there already."""
    return [(name, about.title) for name, about in kinds().items() if not about.on_this_machine]


class TargetForm(forms.Form):
    """What may be said of a target at any time; units as people write them (GiB, money, minutes)."""

    name = forms.CharField(label="Name", max_length=63, help_text="Letters, digits, dots, dashes and underscores.")
    address = forms.CharField(
        label="Address",
        max_length=500,
        required=False,
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    secret = forms.CharField(
        label="Secret",
        required=False,
        max_length=SECRET_LIMIT,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    reach_url = forms.CharField(
        label="Fairway's address from there",
        max_length=500,
        required=False,
        help_text="Where jobs on the target find Fairway. Empty: the address that this machine uses for itself, which "
        "only this machine reaches.",
        widget=forms.TextInput({"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    description = forms.CharField(
        label="Description", required=False, max_length=1000, widget=forms.Textarea({"rows": 2, "maxlength": 1000})
    )
    slots = forms.IntegerField(
        label="Jobs at once", required=False, min_value=1, max_value=1000, help_text="Empty: as many as one machine."
    )
    cores = forms.IntegerField(label="Processor cores", required=False, min_value=1, max_value=100_000)
    memory = forms.DecimalField(label="Memory in GiB", required=False, min_value=Decimal("0.1"), max_digits=9)
    gpus = forms.IntegerField(label="GPUs", required=False, min_value=0, max_value=10_000)
    price = forms.DecimalField(
        label="Price of an hour", required=False, min_value=0, max_digits=10, decimal_places=2, help_text="For one job."
    )
    currency = forms.ChoiceField(
        label="Currency", required=False, choices=[("", "–"), *((one, one) for one in CURRENCIES)]
    )
    minutes = forms.IntegerField(
        label="Longest run in minutes",
        required=False,
        min_value=1,
        max_value=100_000,
        help_text="For jobs that ask for no limit of their own.",
    )
    labels = forms.CharField(
        label="Labels",
        required=False,
        max_length=2000,
        help_text="Pairs such as gpu=a100 zone=b, with spaces between.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    all_teams = forms.ChoiceField(
        label="Who may use it",
        choices=[("1", "all teams"), ("", "chosen teams")],
        required=False,
        widget=forms.RadioSelect,
        initial="1",
    )
    team_ids = forms.TypedMultipleChoiceField(
        label="Teams", coerce=uuid.UUID, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, teams: Iterable[Any], kind: str, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        self.chosen = kind
        about = kind_about(kind)
        self.fields["team_ids"].choices = [(str(team.pk), team.name) for team in teams]  # type: ignore[attr-defined]
        if about.needs_address:
            self.fields["address"].help_text = about.address_help
            self.fields["address"].required = True
        else:
            for name in ("address", "reach_url"):
                del self.fields[name]
        if about.takes_secret:
            self.fields["secret"].help_text = f"{about.secret_help} Stored encrypted and never shown again."
        else:
            del self.fields["secret"]

    def clean_labels(self) -> dict[str, str]:
        pairs = {}
        for word in self.cleaned_data["labels"].replace(",", " ").split():
            key, mark, value = word.partition("=")
            if not mark:
                raise forms.ValidationError(f"“{word}” is no pair such as gpu=a100.")
            pairs[key] = value
        return pairs

    def values(self) -> dict[str, Any]:
        """What the service takes, the secret apart."""
        data = dict(self.cleaned_data)
        memory, price, minutes = data.pop("memory"), data.pop("price"), data.pop("minutes")
        for name in ("secret", "secret_change", "row_version", "kind"):
            data.pop(name, None)
        currency = data["currency"]
        return {
            **data,
            "all_teams": data["all_teams"] == "1",
            "memory_bytes": None if memory is None else int(memory * GIB),
            "price_minor": None if price is None else int(price * (1 if currency in _NO_MINOR else 100)),
            "limits": {"wall_seconds": minutes * 60} if minutes else {},
        }

    def take_error(self, error: FairwayError) -> None:
        """Put a service's refusal at the fields it names, the rest above the form."""
        names = {"memory_bytes": "memory", "price_minor": "price", "limits": "minutes"}
        for name, messages in error.fields.items():
            for message in messages:
                shown = names.get(name, name)
                self.add_error(shown if shown in self.fields else None, message)
        if not error.fields:
            self.add_error(None, error.detail)


class TargetCreateForm(TargetForm):
    """A new target; the kind is chosen first, since it says what is asked."""

    kind = forms.ChoiceField(label="Kind", widget=forms.RadioSelect)
    field_order = ("kind", "name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = kind_choices()  # type: ignore[attr-defined]
        self.fields["kind"].initial = self.chosen


class TargetEditForm(TargetForm):
    """The secret is not shown: it stays, is replaced, or ends."""

    secret_change = forms.ChoiceField(label="Secret", widget=forms.RadioSelect, initial=KEEP)
    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, target: ComputeTarget, **kwargs: Any) -> None:
        kwargs["initial"] = initial_of(target)
        super().__init__(*args, kind=target.kind, **kwargs)
        if "secret" not in self.fields:
            del self.fields["secret_change"]
            return
        held = bool(target.secret)
        self.fields["secret"].label = "New secret"
        self.fields["secret_change"].choices = [  # type: ignore[attr-defined]
            (KEEP, "keep the stored secret" if held else "none, as now"),
            (REPLACE, "replace it" if held else "set one"),
            *([(REMOVE, "remove it")] if held else []),
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


def initial_of(target: ComputeTarget) -> Mapping[str, Any]:
    """The stored values in the units of the form."""
    plain = ("name", "address", "reach_url", "description", "slots", "cores", "gpus", "currency", "row_version")
    divisor = 1 if target.currency in _NO_MINOR else 100
    wall = target.limits.get("wall_seconds")
    return {
        **{name: getattr(target, name) for name in plain},
        "memory": None if target.memory_bytes is None else round(Decimal(target.memory_bytes) / GIB, 2).normalize(),
        "price": None if target.price_minor is None else Decimal(target.price_minor) / divisor,
        "minutes": wall // 60 if wall else None,
        "labels": " ".join(f"{key}={value}" for key, value in target.labels.items()),
        "all_teams": "1" if target.all_teams else "",
        "team_ids": [str(team.pk) for team in target.teams.all()],
    }
