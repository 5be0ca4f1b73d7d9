"""allauth's forms, drawn as ours: a label above says what a field is, so no placeholder repeats it."""

from __future__ import annotations

from typing import Any

from allauth.account import forms


class _Plain:
    """Takes placeholders and allauth's own help away."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
            field.help_text = ""


class SignInForm(_Plain, forms.LoginForm):  # type: ignore[misc]
    """User name or address, and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs.update({"autocomplete": "username", "autofocus": True})


class PasswordChangeForm(_Plain, forms.ChangePasswordForm):  # type: ignore[misc]
    """Present and new password."""


class PasswordSetForm(_Plain, forms.SetPasswordForm):  # type: ignore[misc]
    """A first password."""


class ResetForm(_Plain, forms.ResetPasswordForm):  # type: ignore[misc]
    """The address that gets the link."""


class ResetKeyForm(_Plain, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    """The new password."""


class ConfirmForm(_Plain, forms.ReauthenticateForm):  # type: ignore[misc]
    """The password again, before something that guards the account."""


class AddressForm(_Plain, forms.AddEmailForm):  # type: ignore[misc]
    """The new address."""
