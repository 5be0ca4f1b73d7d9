"""The queue board, and the cancel of several jobs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import selectors as accounts
from apps.core.errors import Invalid
from apps.core.web.views import page
from apps.jobs import selectors, services
from apps.jobs.web.tables import jobs_tabs


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@page
@require_safe
def job_board(request: HttpRequest) -> HttpResponse:
    """What runs where and why: the queue of one target (`target`), of all teams or one (`team`)."""
    actor = request.actor  # type: ignore[attr-defined]
    queues = selectors.queue_list(actor)
    wanted = _uuid(request.GET.get("target", ""))
    chosen = next((one for one in queues if one.target.pk == wanted), None) or _busiest(queues)
    teams = accounts.teams_of_request(request)
    team_id = next((team.pk for team in teams if team.pk == _uuid(request.GET.get("team", ""))), None)
    kept = {"team": team_id} if team_id else {}
    links = [
        {
            "label": one.target.name,
            "count": one.use.open,
            "url": f"{reverse('job-board')}?{urlencode({'target': one.target.pk, **kept})}",
            "current": chosen is not None and one.target.pk == chosen.target.pk,
        }
        for one in queues
    ]
    here = {"target": chosen.target.pk, **kept} if chosen else kept
    context = {
        "nav_key": "jobs",
        "tabs": jobs_tabs("board"),
        "targets": links,
        "teams": teams if len(teams) > 1 else [],
        "team_id": team_id,
        "board": selectors.board_of(actor, chosen.target, team_id=team_id) if chosen else None,
        "here": f"{reverse('job-board')}?{urlencode(here)}",
    }
    return render(request, "jobs/board.html", context)


def _busiest(queues: Iterable[selectors.Queue]) -> selectors.Queue | None:
    """The one with the most open jobs, the first of equals."""
    return max(queues, key=lambda one: one.use.open, default=None)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def jobs_cancel(request: HttpRequest) -> HttpResponse:
    """Says what a cancel would do to each of the `selected` jobs; the form that it shows does it."""
    actor = request.actor  # type: ignore[attr-defined]
    sent = request.POST if request.method == "POST" else request.GET
    ids = [found for found in map(_uuid, sent.getlist("selected")[: services.CANCEL_MOST]) if found is not None]
    refusal = ""
    if request.method == "POST":
        try:
            fates = services.jobs_cancel(actor=actor, job_ids=ids, reason=request.POST.get("reason", ""))
        except Invalid as error:
            refusal = " ".join(text for texts in error.fields.values() for text in texts)
        else:
            done = sum(not fate.refused for fate in fates)
            messages.success(request, f"{done} of {len(fates)} jobs are cancelled or being stopped.")
            return redirect("job-list")
    fates = services.cancel_preview(actor=actor, job_ids=ids)
    hit = [fate for fate in fates if not fate.refused]
    context = {"nav_key": "jobs", "fates": fates, "hit": hit, "refusal": refusal}
    return render(request, "jobs/jobs_cancel.html", context, status=422 if refusal else 200)
