"""The theme that a person chose, handed to the browser: the style sheet must know it before the first paint."""

from __future__ import annotations

from django.http import HttpResponseBase

THEME_COOKIE = "fairway_theme"
_YEAR = 365 * 24 * 3600


def theme_set(response: HttpResponseBase, theme: str) -> None:
    """`auto` removes the cookie, so that the system's choice counts."""
    if theme == "auto":
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    else:
        response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR, samesite="Lax")
