"""Administration: people, their roles, invitations."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import selectors, services
from apps.accounts.models import User
from apps.accounts.policies import may_administer_site
from apps.accounts.web.browsers import browsers_attach
from apps.accounts.web.forms import SITE, GrantForm, InvitationForm, errors_take
from apps.accounts.web.guards import actor_of, administration
from apps.accounts.web.tables import INVITATIONS, PEOPLE, roles_attach
from apps.accounts.web.tabs import admin_tabs
from apps.core.errors import FairwayError
from apps.core.tables import table_response


@require_GET
@administration
def person_list(request: HttpRequest) -> HttpResponseBase:
    actor = actor_of(request)
    table = PEOPLE.bind(request, selectors.user_list(actor), prepare=roles_attach)
    return table_response(
        request, table, "accounts/person_list.html", {"tabs": admin_tabs(actor, "people"), "nav_key": "admin"}
    )


@require_GET
@administration
def person_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = selectors.user_get(actor_of(request), pk)
    return _person(request, user, GrantForm(actor=actor_of(request)))


def _person(request: HttpRequest, user: User, form: GrantForm, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    site = may_administer_site(actor)
    preview = services.person_removal_preview(actor=actor, user_id=user.pk) if site else None
    context: dict[str, Any] = {
        "person": user,
        "form": form,
        "grants": selectors.grant_list(actor, user_id=user.pk).order_by("team__name", "role", "id"),
        "now": timezone.now(),
        "managed": None if site else actor.team_ids("people.manage"),
        "tokens": selectors.token_list(actor, user_id=user.pk).order_by("-id"),
        "sessions": browsers_attach(selectors.session_list(actor, user_id=user.pk)),
        "factors": selectors.factor_words(user.pk),
        "seen_at": selectors.last_seen([user.pk]).get(user.pk),
        "site": site,
        "preview": preview,
        "hits": _hits(preview) if preview else [],
        "tabs": admin_tabs(actor, "people"),
        "nav_key": "admin",
    }
    return render(request, "accounts/person_detail.html", context, status=status)


def _hits(preview: services.RemovalPreview) -> list[str]:
    counted = (
        (preview.sessions, "session", "sessions"),
        (preview.tokens, "API token", "API tokens"),
        (preview.grants, "role", "roles"),
        (preview.invitations, "open invitation", "open invitations"),
        (preview.factors, "second factor", "second factors"),
    )
    return [f"{n} {one if n == 1 else many}" for n, one, many in counted if n] + list(preview.others)


@require_POST
@administration
def grant_create(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    user = selectors.user_get(actor, pk)
    form = GrantForm(request.POST, actor=actor)
    if form.is_valid():
        where = form.cleaned_data["where"]
        try:
            team = None if where == SITE else selectors.team_get(actor, uuid.UUID(where))
            services.grant_add(actor=actor, user=user, team=team, role=form.cleaned_data["role"], until=form.end)
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, f"{user} has the role now.")
            return redirect("person-detail", pk=user.pk)
    return _person(request, user, form, status=422)


@require_POST
@administration
def grant_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    grant = selectors.grant_get(actor, pk)
    services.grant_remove(actor=actor, grant_id=pk, reason=request.POST.get("reason", ""))
    messages.success(request, f"{grant.user} is {grant.get_role_display()} no more.")
    return redirect("person-detail", pk=grant.user_id)


@require_POST
@administration
def person_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    user = services.person_remove(actor=actor_of(request), user_id=pk, reason=request.POST.get("reason", ""))
    messages.success(request, f"{user} is removed. Nothing of theirs works any more.")
    return redirect("person-detail", pk=pk)


@require_POST
@administration
def person_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    services.sign_in_link_send(actor=actor_of(request), user_id=pk)
    messages.success(request, "The sign-in link is on its way to the person's mailbox.")
    return redirect("person-detail", pk=pk)


@require_POST
@administration
def person_token_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    token = services.token_revoke(actor=actor_of(request), token_id=pk, reason=request.POST.get("reason", ""))
    messages.success(request, "The token does not work any more.")
    return redirect("person-detail", pk=token.user_id)


@require_POST
@administration
def person_session_end(request: HttpRequest, pk: int) -> HttpResponse:
    session = selectors.session_get(actor_of(request), pk)
    services.session_end(actor=actor_of(request), session_id=pk)
    messages.success(request, "The session has ended.")
    return redirect("person-detail", pk=session.user_id)


@require_GET
@administration
def invitation_list(request: HttpRequest) -> HttpResponseBase:
    actor = actor_of(request)
    table = INVITATIONS.bind(request, selectors.invitation_list(actor))
    return table_response(
        request,
        table,
        "accounts/invitation_list.html",
        {"tabs": admin_tabs(actor, "invitations"), "nav_key": "admin"},
    )


@require_http_methods(["GET", "POST"])
@administration
def invitation_create(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    initial = {"team": getattr(request.user, "last_team_id", None)}
    form = InvitationForm(request.POST or None, actor=actor, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.invitation_create(actor=actor, **form.cleaned_data)
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, f"The invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("invitation-list")
    context = {"form": form, "nav_key": "admin", "back": reverse("person-list")}
    return render(request, "accounts/invitation_form.html", context, status=422 if form.errors else 200)


@require_GET
@administration
def invitation_change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    invitation = selectors.invitation_get(actor_of(request), pk)
    context = {"invitation": invitation, "role": invitation.role.replace("_", " ").lower(), "nav_key": "admin"}
    return render(request, "accounts/invitation_detail.html", context)


@require_POST
@administration
def invitation_resend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    invitation = services.invitation_resend(actor=actor_of(request), invitation_id=pk)
    messages.success(request, f"A new link is on its way to {invitation.email}; the old one has ended.")
    return redirect("invitation-list")


@require_POST
@administration
def invitation_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    invitation = services.invitation_revoke(actor=actor_of(request), invitation_id=pk)
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("invitation-list")
