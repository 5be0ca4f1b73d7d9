"""One's own account: profile, theme, tokens, sessions, team."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import selectors, services
from apps.accounts.models import User
from apps.accounts.web.browsers import browsers_attach
from apps.accounts.web.forms import ProfileForm, TokenForm, errors_take
from apps.accounts.web.guards import actor_of
from apps.accounts.web.theme import theme_set
from apps.core.errors import FairwayError, Invalid
from apps.core.web.views import page


def next_of(request: HttpRequest, fallback: str = "/") -> str:
    """Where a form wants to return to; never another site."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/") else fallback


@require_http_methods(["GET", "POST"])
@page
def account(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=actor_of(request).person_id)
    initial = {"first_name": user.first_name, "last_name": user.last_name, "theme": user.theme}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.account_update(actor=actor_of(request), **form.cleaned_data)
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, "Saved.")
            response = redirect("account")
            theme_set(response, form.cleaned_data["theme"])
            return response
    context = {
        "form": form,
        "person": user,
        "grants": selectors.grant_list(actor_of(request), user_id=user.pk).order_by("team__name", "role", "id"),
        "account_tab": "profile",
    }
    return render(request, "accounts/account.html", context, status=422 if form.errors else 200)


@require_GET
@page
def token_list(request: HttpRequest) -> HttpResponse:
    rows = selectors.token_list(actor_of(request), ended=True).order_by("-id")[:200]
    return render(request, "accounts/token_list.html", {"tokens": rows, "account_tab": "tokens"})


@require_http_methods(["GET", "POST"])
@page
def token_create(request: HttpRequest) -> HttpResponse:
    """The answer to the POST holds the secret: it can be neither stored nor put into an address."""
    form = TokenForm(request.POST or None)
    secret, token = "", None
    if request.method == "POST" and form.is_valid():
        user = User.objects.get(pk=actor_of(request).person_id)
        try:
            token, secret = services.token_create(actor=actor_of(request), user=user, **form.cleaned_data)
        except FairwayError as error:
            errors_take(form, error)
    context = {"form": form, "secret": secret, "token": token, "account_tab": "tokens"}
    template = "accounts/token_created.html" if secret else "accounts/token_form.html"
    response = render(request, template, context, status=422 if form.errors else 200)
    add_never_cache_headers(response)
    return response


@require_POST
@page
def token_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    token = services.token_revoke(actor=actor_of(request), token_id=pk)
    messages.success(request, f"{token.name} does not work any more.")
    return redirect("token-list")


@require_GET
@page
def session_list(request: HttpRequest) -> HttpResponse:
    rows = browsers_attach(selectors.session_list(actor_of(request))[:100])
    context = {"sessions": rows, "current_key": request.session.session_key, "account_tab": "sessions"}
    return render(request, "accounts/session_list.html", context)


@require_POST
@page
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    session = selectors.session_get(actor_of(request), pk)
    if session.session_key == request.session.session_key:
        logout(request)
        return redirect("account_login")
    services.session_end(actor=actor_of(request), session_id=pk)
    messages.success(request, "The session has ended.")
    return redirect("session-list")


@require_POST
@page
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    ended = services.sessions_end_others(actor=actor_of(request), keep_key=request.session.session_key or "")
    messages.success(request, "No other session was open." if ended == 0 else "All other sessions have ended.")
    return redirect("session-list")


@require_POST
@page
def team_switch(request: HttpRequest) -> HttpResponse:
    try:
        team_id = uuid.UUID(request.POST.get("team", ""))
    except ValueError as error:
        raise Invalid.field("team", "This is not a team.") from error
    services.team_switch(actor=actor_of(request), team_id=team_id)
    return redirect(next_of(request))
