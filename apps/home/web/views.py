"""Home, search and the figures of the top bar."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from apps.accounts import selectors as accounts
from apps.accounts import services as account_services
from apps.core.progress import long_tasks_shown
from apps.core.registries import command_list, search_all
from apps.core.web.views import page
from apps.home import selectors
from apps.jobs import selectors as jobs
from apps.notices import selectors as notices

_QUERY_LIMIT = 200


@page
def home(request: HttpRequest) -> HttpResponse:
    """What waits for me, what runs, what is live, what changed."""
    actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    feed, since = selectors.feed(actor, team, getattr(request.user, "home_seen_at", None))
    context = {
        "waiting": selectors.waiting(actor, team),
        "jobs": selectors.own_jobs(actor, team),
        "feed": feed,
        "since": since,
        "tasks": long_tasks_shown(),
        "first_steps": selectors.first_steps(actor, team),
        "role_words": selectors.role_words(actor, team.pk if team else None),
        "nav_key": "home",
    }
    response = render(request, "home/home.html", context)
    account_services.home_seen(actor=actor)
    return response


@page
def tasks(request: HttpRequest) -> HttpResponse:
    """The bands of running work; asked again every two seconds while there is some."""
    return render(request, "home/_tasks.html", {"tasks": long_tasks_shown()})


@page
def live(request: HttpRequest) -> HttpResponse:
    """The card of live models, loaded apart so that a slow figure delays nothing else."""
    actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    return render(request, "home/_live.html", {"models": selectors.live_models(actor, team)})


@page
def search(request: HttpRequest) -> HttpResponse:
    """Search over all objects, and the commands of the palette."""
    actor = request.actor  # type: ignore[attr-defined]
    text = request.GET.get("q", "").replace("\x00", "").strip()[:_QUERY_LIMIT]
    hits = search_all(actor, text) if text else []
    commands = []
    for command in command_list(actor):
        if text and text.lower() not in command.label.lower():
            continue
        try:
            url = reverse(command.url_name, args=command.args)
        except NoReverseMatch:
            continue
        commands.append({"label": command.label, "url": url, "icon": command.icon})
    if request.GET.get("format") == "json":
        found = [
            {
                "kind": h.kind[:1].upper() + h.kind[1:],
                "label": h.label,
                "detail": h.detail,
                "url": h.url,
                "icon": h.icon,
            }
            for h in hits
        ]
        return JsonResponse({"hits": found, "commands": commands})
    return render(request, "home/search.html", {"q": text, "hits": hits, "commands": commands})


@page
def summary(request: HttpRequest) -> HttpResponse:
    """The two figures of the top bar."""
    actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    return JsonResponse(
        {
            "running_jobs": jobs.running_count(actor, team.pk if team else None),
            "unread_notices": notices.notice_unread_count(actor),
        }
    )
