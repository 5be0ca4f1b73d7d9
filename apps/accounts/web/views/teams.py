"""Administration: teams, and who can do what."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts import selectors, services
from apps.accounts.models import Team
from apps.accounts.policies import may_administer_site, require_site_people
from apps.accounts.web.forms import TeamForm, errors_take
from apps.accounts.web.guards import actor_of, administration
from apps.accounts.web.tables import PEOPLE, TEAMS, roles_attach
from apps.accounts.web.tabs import admin_tabs
from apps.core.actors import VERB_ROLES, Role
from apps.core.errors import Conflict, FairwayError
from apps.core.policies import require_verb_in
from apps.core.tables import table_response


@require_GET
@administration
def team_list(request: HttpRequest) -> HttpResponseBase:
    actor = actor_of(request)
    rows = selectors.team_table(actor).annotate(people_count=Count("grants__user", distinct=True))
    context = {"tabs": admin_tabs(actor, "teams"), "site": may_administer_site(actor), "nav_key": "admin"}
    return table_response(request, TEAMS.bind(request, rows), "accounts/team_list.html", context)


@require_http_methods(["GET", "POST"])
@administration
def team_create(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    require_site_people(actor)
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            team = services.team_create(
                actor=actor, name=form.cleaned_data["name"], decide_needs_mfa=form.cleaned_data["decide_needs_mfa"]
            )
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, f"{team} is there. Invite its people now.")
            return redirect("team-detail", pk=team.pk)
    return render(
        request, "accounts/team_form.html", {"form": form, "nav_key": "admin"}, status=422 if form.errors else 200
    )


@require_GET
@administration
def team_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    actor = actor_of(request)
    team = selectors.team_get(actor, pk, archived=True)
    people = selectors.user_list(actor, team_id=team.pk, state="ACTIVE")
    context = {
        "shown_team": team,
        "site": may_administer_site(actor),
        "manages": actor.can("people.manage", team.pk),
        "tabs": admin_tabs(actor, "teams"),
        "nav_key": "admin",
    }
    table = PEOPLE.bind(request, people, prepare=roles_attach)
    return table_response(request, table, "accounts/team_detail.html", context)


@require_http_methods(["GET", "POST"])
@administration
def team_update(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    team = selectors.team_get(actor, pk)
    require_verb_in(actor, "people.manage", team.pk)
    initial = {"name": team.name, "decide_needs_mfa": team.decide_needs_mfa, "row_version": team.row_version}
    form = TeamForm(request.POST or None, initial=initial)
    stale = None
    if request.method == "POST" and form.is_valid():
        try:
            services.team_update(
                actor=actor,
                team_id=team.pk,
                row_version=form.cleaned_data["row_version"] or 0,
                name=form.cleaned_data["name"],
                decide_needs_mfa=form.cleaned_data["decide_needs_mfa"],
            )
        except Conflict as error:
            stale = error
            # The second send is meant: it is made against what stands now, which the page shows.
            resent = request.POST.copy()
            resent["row_version"] = str(team.row_version)
            form.data = resent
        except FairwayError as error:
            errors_take(form, error)
        else:
            messages.success(request, "Saved.")
            return redirect("team-detail", pk=team.pk)
    status = 409 if stale else 422 if form.errors else 200
    context = {"form": form, "shown_team": team, "stale": stale, "nav_key": "admin"}
    return render(request, "accounts/team_form.html", context, status=status)


@require_POST
@administration
def team_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    archived = request.POST.get("archived") != "0"
    team = services.team_archive(
        actor=actor_of(request), team_id=pk, archived=archived, reason=request.POST.get("reason", "")
    )
    messages.success(request, f"{team} is {'archived' if archived else 'back'}.")
    return redirect("team-detail", pk=pk)


@require_GET
@administration
def roles_matrix(request: HttpRequest) -> HttpResponse:
    """The table of verbs and roles, and for one verb in one team the people who hold it, and why."""
    actor = actor_of(request)
    teams = list(selectors.teams_managed(actor))
    verb = request.GET.get("verb", "approval.decide")
    verb = verb if verb in VERB_ROLES else "approval.decide"
    team = _team_asked(request, teams)
    roles = list(Role)
    matrix = [
        {
            "verb": name,
            "words": VERB_WORDS.get(name, name),
            "cells": [{"role": role, "held": role in held} for role in roles],
        }
        for name, held in VERB_ROLES.items()
    ]
    context = {
        "roles": [role.value.replace("_", " ").lower() for role in roles],
        "matrix": matrix,
        "verb": verb,
        "verb_words": VERB_WORDS.get(verb, verb),
        "shown_teams": teams,
        "shown_team": team,
        "holders": selectors.holders_of(actor, verb, team.pk) if team else [],
        "tabs": admin_tabs(actor, "roles"),
        "nav_key": "admin",
    }
    return render(request, "accounts/roles_matrix.html", context)


def _team_asked(request: HttpRequest, teams: list[Team]) -> Team | None:
    asked = request.GET.get("team", "") or str(getattr(request.user, "last_team_id", "") or "")
    return next((team for team in teams if str(team.pk) == asked), teams[0] if teams else None)


VERB_WORDS = {
    "view": "see what the team has",
    "data.edit": "add data and segments",
    "job.run": "run jobs",
    "model.register": "register models",
    "problem.edit": "edit problems",
    "problem.accept": "accept problems",
    "approval.request": "ask for an approval",
    "approval.decide": "approve or refuse",
    "deploy.start": "deploy an approved version",
    "deploy.stop": "roll back or pause",
    "kill.switch": "pull the kill switch",
    "policy.activate": "activate a gate policy",
    "people.manage": "manage people",
    "target.manage": "manage targets",
    "audit.read": "read the audit",
    "predict": "ask live models",
}
