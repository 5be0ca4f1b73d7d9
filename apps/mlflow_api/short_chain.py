"""The short way of a program's call to MLflow's API: what only browsers need is left out.

A request takes it when its address is one of the doors of this room (`door.py`, which let nobody in without an actor),
when it carries a token, and no cookie at all. It passes the middlewares of the settings but for those named here, in
their order, and then its door, found by its address alone. So no view that knows sessions is ever reached by it, a
middleware that is added is in both ways, and both answer the same bytes (`tests/test_short_chain.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from apps.accounts.selectors import bearer_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Sessions and cookies, forms and pages, and addresses that are no door.
FOR_BROWSERS = frozenset(
    {
        "whitenoise.middleware.WhiteNoiseMiddleware",
        "controlplane.health.HealthMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django_htmx.middleware.HtmxMiddleware",
        "allauth.account.middleware.AccountMiddleware",
        "apps.accounts.middleware.SessionSeenMiddleware",
    }
)
_OWN = f"{__name__}.ShortChain"


class ShortChain:
    """The first middleware: calls of programs go the short way, all else the long one."""

    def __init__(self, get_response: GetResponse) -> None:
        self._long = get_response
        chain: Any = convert_exception_to_response(_door_opened)
        for name in reversed(settings.MIDDLEWARE):
            if name != _OWN and name not in FOR_BROWSERS:
                chain = convert_exception_to_response(import_string(name)(chain))
        self._short: GetResponse = chain

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = self._doors.get(request.path_info)
        if view is None or request.META.get("HTTP_COOKIE") or not bearer_of(request):
            return self._long(request)
        request.door = view  # type: ignore[attr-defined]
        request.proves = view.fairway_proves  # type: ignore[attr-defined]
        return self._short(request)

    @cached_property
    def _doors(self) -> dict[str, GetResponse]:
        # Views are read when the first request comes, as Django does.
        from apps.mlflow_api.web.urls import DOORS

        return DOORS


def _door_opened(request: HttpRequest) -> HttpResponseBase:
    response: HttpResponseBase = request.door(request)  # type: ignore[attr-defined]
    return response
