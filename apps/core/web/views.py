"""The base of HTML views: default-deny, and one helper for page or partial."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """Only for people who are signed in; others are led to the sign-in page and back.

    Every HTML route carries this mark or `public`; a test walks all routes.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.is_authenticated:  # type: ignore[attr-defined]
            if request.headers.get("HX-Request"):
                response = HttpResponse(status=401)
                response["HX-Redirect"] = settings.LOGIN_URL
                return response
            return redirect(f"{settings.LOGIN_URL}?next={quote(request.get_full_path())}")
        return view(request, *args, **kwargs)

    wrapper.fairway_guard = "page"  # type: ignore[attr-defined]
    return wrapper


def public(view: View) -> View:
    """A route that a stranger may call, on purpose."""
    view.fairway_guard = "public"  # type: ignore[attr-defined]
    return view


def page_or_partial(
    request: HttpRequest, template: str, partial: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The page, or its part when htmx asks the same address."""
    name = partial if request.headers.get("HX-Request") and not request.headers.get("HX-Boosted") else template
    response = render(request, name, context, status=status)
    response["Vary"] = "HX-Request, Cookie"
    return response
