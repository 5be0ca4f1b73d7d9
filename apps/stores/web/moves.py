"""Pages of moves between stores."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core import formats
from apps.core.errors import Conflict, Invalid
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.stores import policies, selectors, services
from apps.stores.models import StorageMove
from apps.stores.web.forms import MoveForm
from apps.stores.web.tables import MOVES
from apps.stores.web.views import actor_of, frame

_TONES = {"DONE": "good", "FAILED": "bad", "CANCELLED": "info"}


@page
@require_safe
def move_list(request: HttpRequest) -> HttpResponseBase:
    """All moves, the newest first."""
    actor = actor_of(request)
    policies.require_stores_manage(actor)
    return table_response(
        request, MOVES.bind(request, selectors.move_list(actor)), "stores/move_list.html", frame(request)
    )


@page
@require_http_methods(["GET", "HEAD", "POST"])
def move_create(request: HttpRequest) -> HttpResponse:
    """Whose files go from where to where."""
    actor = actor_of(request)
    policies.require_stores_manage(actor)
    selectors.backend_own()
    backends = list(selectors.backend_list(actor).order_by("-builtin", "name"))
    form = MoveForm(request.POST or None, teams=accounts.team_list(actor), backends=backends)
    if request.method == "POST" and form.is_valid():
        try:
            move = services.move_begin(actor=actor, **form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.take_error(error)
        else:
            return redirect("store-move-detail", pk=move.pk)
    context = {"form": form, "alone": len(backends) < 2, "nav_key": "admin"}
    return render(request, "stores/move_form.html", context, status=422 if form.errors else 200)


@page
@require_safe
def move_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One move: how far it is, what could not be moved."""
    return render(request, "stores/move_detail.html", {**frame(request), **_context(request, pk)})


@page
@require_safe
def move_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The parts of the page that change by themselves while files are moved."""
    return render(request, "stores/_move_now.html", {**_context(request, pk), "oob": True})


def _context(request: HttpRequest, pk: uuid.UUID) -> dict[str, Any]:
    policies.require_stores_manage(actor_of(request))
    move = selectors.move_get(actor_of(request), pk)
    looked_at = move.files_done + move.files_kept + move.files_failed
    return {
        "move": move,
        "open": move.state in StorageMove.OPEN,
        "tone": _TONES.get(move.state, "info"),
        "share": min(1.0, looked_at / move.files_total)
        if move.files_total
        else float(move.state == StorageMove.State.DONE),
        "progress_title": f"{formats.num(looked_at)} of {formats.counted(move.files_total, 'file')}",
        "progress_text": f"{formats.size(move.bytes_done)} of {formats.size(move.bytes_total)} moved",
    }


@page
@require_POST
def move_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop after the file that is under way."""
    try:
        services.move_cancel(actor=actor_of(request), move_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    return redirect("store-move-detail", pk=pk)
