"""Forms of people, teams, invitations, tokens and one's own account."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone

from apps.accounts import selectors
from apps.accounts.models import Team
from apps.core.actors import SCOPE_VERBS, Actor, Role
from apps.core.errors import FairwayError

ROLES = [(role.value, role.value.replace("_", " ").lower()) for role in Role]
SITE = "site"
SCOPE_WORDS = {
    "read": "read: see what you may see",
    "write": "write: edit, launch, register, request, deploy",
    "decide": "decide: accept problems, approve or refuse",
    "admin": "admin: people, policies, targets",
    "predict": "predict: ask live models",
}


def errors_take(form: forms.BaseForm, error: FairwayError) -> None:
    """Put a service's refusal at the fields it names, the rest above the form."""
    placed = False
    for name, messages in error.fields.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)
            placed = True
    if not placed:
        form.add_error(None, error.detail)


class InvitationForm(forms.Form):
    email = forms.EmailField(label="E-mail address")
    team = forms.ModelChoiceField(label="Team", queryset=Team.objects.none(), empty_label=None)
    role = forms.ChoiceField(label="Role", choices=ROLES, initial=Role.DATA_SCIENTIST.value)
    days = forms.IntegerField(label="Valid for", min_value=1, max_value=30, initial=7)

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = selectors.teams_managed(actor)  # type: ignore[attr-defined]


class AcceptForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="Letters, digits and @ . + - _",
        widget=forms.TextInput({"autocomplete": "username"}),
    )
    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    password = forms.CharField(
        label="Password",
        strip=False,
        help_text="At least 12 characters; not a common one.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Password, again", strip=False, widget=forms.PasswordInput({"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("password") != data.get("password_again"):
            self.add_error("password_again", "The two passwords differ.")
        return data


class GrantForm(forms.Form):
    """A role in a team; `site` for the whole site, which only its administrators are offered."""

    role = forms.ChoiceField(label="Role", choices=ROLES)
    where = forms.ChoiceField(label="Where")
    until = forms.DateField(
        label="Until",
        required=False,
        help_text="Empty: until it is taken away.",
        widget=forms.DateInput({"type": "date"}),
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(team.pk), team.name) for team in selectors.teams_managed(actor)]
        if actor.can("people.manage", None):
            choices.append((SITE, "the whole site"))
        self.fields["where"].choices = choices  # type: ignore[attr-defined]

    @property
    def end(self) -> datetime | None:
        """The end of the last day, in the person's zone."""
        day = self.cleaned_data.get("until")
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None


class TeamForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120)
    decide_needs_mfa = forms.BooleanField(
        label="Deciding takes a second factor",
        required=False,
        help_text="Who approves or refuses must have signed in with an app or a passkey; tokens cannot decide then.",
    )
    row_version = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ProfileForm(forms.Form):
    first_name = forms.CharField(label="First name", max_length=150, required=False)
    last_name = forms.CharField(label="Last name", max_length=150, required=False)
    theme = forms.ChoiceField(label="Theme", choices=[("auto", "as the system"), ("light", "light"), ("dark", "dark")])


class TokenForm(forms.Form):
    name = forms.CharField(label="Name", max_length=120, help_text="What it is for, so that you know it again.")
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=[(scope, SCOPE_WORDS[scope]) for scope in SCOPE_VERBS],
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
        help_text="Never more than what you may do yourself at the moment of use.",
    )
    days = forms.IntegerField(label="Valid for", min_value=1, max_value=365, initial=90)
