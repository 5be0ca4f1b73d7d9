"""Doors for people who are not signed in: one-time links and invitations.

The secret of a link is taken out of the address at once and kept as a hash in the visitor's session; nothing is spent
by a GET, so a mail scanner that opens the link does no harm, and no later address or form carries the secret.
"""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts import selectors, services
from apps.accounts.models import User
from apps.accounts.web.forms import AcceptForm, errors_take
from apps.core.errors import Conflict, FairwayError
from apps.core.web.views import public

_LINK, _INVITATION = "fairway_link", "fairway_invitation"


def _enter(request: HttpRequest, user: User, method: str) -> HttpResponse:
    """Sign in through allauth's stages, so that a second factor is asked for and the session gets a new key."""
    record_authentication(request, user, method)
    return perform_login(request, Login(user=user))  # type: ignore[no-any-return]


@public
@require_GET
def link_open(request: HttpRequest, secret: str) -> HttpResponse:
    request.session[_LINK] = selectors.secret_hash(secret)
    return redirect("account-link-use")


@public
@require_http_methods(["GET", "POST"])
def link_use(request: HttpRequest) -> HttpResponse:
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="login")
    if limited is not None:
        return limited
    digest = request.session.get(_LINK, "")
    refusal = None
    if request.method == "POST":
        try:
            with transaction.atomic():
                user = services.sign_in_link_use(
                    secret_sha256=digest,
                    request_id=request.request_id,  # type: ignore[attr-defined]
                )
                request.session.pop(_LINK, None)
                return _enter(request, user, "link")
        except Conflict as error:
            refusal = error
    person = selectors.person_of_link(digest)
    response = render(request, "accounts/link.html", {"person": person, "refusal": refusal})
    add_never_cache_headers(response)
    return response


@public
@require_GET
def invitation_open(request: HttpRequest, secret: str) -> HttpResponse:
    request.session[_INVITATION] = selectors.secret_hash(secret)
    return redirect("invitation-accept")


@public
@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest) -> HttpResponse:
    limited: HttpResponse | None = ratelimit.consume_or_429(request, action="signup")
    if limited is not None:
        return limited
    digest = request.session.get(_INVITATION, "")
    invitation = selectors.invitation_of_secret(digest)
    former = selectors.person_former(invitation.email) if invitation else None
    form = AcceptForm(request.POST or None)
    if former is not None:
        del form.fields["username"]
    if request.method == "POST" and invitation is not None and form.is_valid():
        data = form.cleaned_data
        try:
            with transaction.atomic():
                user = services.invitation_accept(
                    secret_sha256=digest,
                    username=data.get("username", ""),
                    password=data["password"],
                    first_name=data["first_name"],
                    last_name=data["last_name"],
                    request_id=request.request_id,  # type: ignore[attr-defined]
                )
                request.session.pop(_INVITATION, None)
                if request.user.is_authenticated:
                    get_adapter().logout(request)
                response = _enter(request, user, "invitation")
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, f"Welcome to {invitation.team}.")
            return response
    context = {"invitation": invitation, "former": former, "form": form}
    page = render(request, "accounts/invitation_accept.html", context, status=422 if form.errors else 200)
    add_never_cache_headers(page)
    return page
