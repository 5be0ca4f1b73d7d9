"""The door of the administration pages."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from apps.accounts.policies import may_administer
from apps.core.actors import Actor
from apps.core.policies import require
from apps.core.web.views import View, page


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the middleware found."""
    return request.actor  # type: ignore[attr-defined, no-any-return]


def administration(view: View) -> View:
    """A page for those who manage people, of the site or of one team. Services check each step again."""

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        require(may_administer(actor_of(request)), "These pages are for administrators.")
        return view(request, *args, **kwargs)

    return page(wrapper)
