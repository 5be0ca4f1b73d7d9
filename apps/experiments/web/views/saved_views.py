"""Saved views of the table of runs: kept from the page, renamed and deleted on a page of their own."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.web.views import page
from apps.experiments import policies, selectors, services
from apps.experiments.models import SavedView


@page
@require_safe
def experiment_views(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The views of an experiment that the person may use, to rename and delete them."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment = selectors.experiment_get(actor, pk)
    rows = [(view, view_url(view), policies.view_write(actor, view)) for view in selectors.view_list(actor, pk)]
    context = {"nav_key": "experiments", "experiment": experiment, "rows": rows}
    return render(request, "experiments/experiment_views.html", context)


@page
@require_POST
def experiment_view_save(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep the address of the page under a name; a refusal is said where the person was."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    selectors.experiment_get(actor, pk)
    query = request.POST.get("query", "")
    here = reverse("experiment-detail", args=[pk])
    try:
        view = services.view_create(
            actor=actor,
            experiment_id=pk,
            name=request.POST.get("name", ""),
            query=query,
            shared=request.POST.get("shared") == "1",
            is_default=request.POST.get("default") == "1",
        )
    except FairwayError as refusal:
        if refusal.status == 404:
            raise
        messages.error(request, f"The view was not saved. {refusal.detail}")
        return redirect(f"{here}?{query[: services.QUERY_LIMIT]}" if query else f"{here}?view=all")
    messages.success(request, f"Saved as “{view.name}”.")
    return redirect(view_url(view))


@page
@require_POST
def view_change(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Rename a view, or open the page with it from now on."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    view = selectors.view_get(actor, pk)
    default = request.POST.get("default")
    try:
        services.view_update(
            actor=actor,
            view_id=pk,
            name=request.POST.get("name"),
            is_default=None if default is None else default == "1",
        )
    except FairwayError as refusal:
        if refusal.status in (403, 404):
            raise
        messages.error(request, refusal.detail)
    else:
        messages.success(request, "Saved.")
    return redirect("experiment-views", pk=view.experiment_id)


@page
@require_POST
def view_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove a view; the runs stay."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    view = selectors.view_get(actor, pk)
    services.view_delete(actor=actor, view_id=pk)
    messages.success(request, f"The view “{view.name}” is gone. The runs are not touched.")
    return redirect("experiment-views", pk=view.experiment_id)


def view_url(view: SavedView) -> str:
    """The page as the view has it; marked, so that changing it never falls back to the view that opens the page."""
    query = f"{view.query}&view=saved" if view.query else "view=saved"
    return f"{reverse('experiment-detail', args=[view.experiment_id])}?{query}"
