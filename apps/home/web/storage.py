"""Administration of the store, and the page that is looked at before bytes are removed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core import formats
from apps.core.actors import Actor
from apps.core.blob_references import growth_by_week, store_totals
from apps.core.errors import Conflict, Invalid, Unavailable
from apps.core.policies import require, who_can
from apps.core.registries import admin_tabs
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.home.storage import policies, previews, selectors, services
from apps.home.storage.previews import PurgePreview
from apps.home.web.charts import growth_figure, growth_rows, growth_title
from apps.home.web.tables import FILES


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


def _require_store(actor: Actor) -> None:
    require(
        policies.may_see_store(actor),
        f"The files of the whole store are for the site: {who_can('target.manage')} of the site has this right.",
    )


@page
@require_safe
def storage_usage(request: HttpRequest) -> HttpResponse:
    """What the disk holds, for whom, how fast it grows, and whether it is whole."""
    actor = _actor(request)
    require(policies.may_see_use(actor), f"This page is for {who_can('target.manage')} of a team.")
    whole = policies.may_see_store(actor)
    context: dict[str, Any] = {"tabs": admin_tabs(actor, "storage"), "nav_key": "admin", "whole": whole}
    # Every reference of every room is counted for the figures, so they come apart from the page.
    if request.headers.get("HX-Request"):
        return render(request, "home/_storage.html", context | _figures(actor, whole))
    if request.GET.get("figures"):
        context |= _figures(actor, whole)
    return render(request, "home/storage.html", context)


def _figures(actor: Actor, whole: bool) -> dict[str, Any]:
    """Use by team; for those who look after the whole store its totals, growth and faults."""
    uses = selectors.use_by_team(actor)
    context: dict[str, Any] = {"uses": uses, "uses_total": sum(use.bytes for use in uses)}
    if whole:
        weeks = growth_by_week()
        totals = store_totals()
        context |= {
            "totals": totals,
            "verdict": _verdict(totals),
            "kpis": _kpis(totals),
            "faults": selectors.fault_list(),
            "growth": growth_figure(weeks),
            "growth_rows": growth_rows(weeks),
            "growth_columns": ["Week of", "Files", "Bytes"],
            "growth_title": growth_title(weeks),
        }
    return context


def _verdict(totals: Any) -> tuple[str, str, str]:
    if totals.faults:
        word = "file is" if totals.faults == 1 else "files are"
        return (
            "bad",
            f"{totals.faults} stored {word} not as written",
            "Restore them from a backup; see below what needs them.",
        )
    if not totals.files:
        return "info", "The store is empty", "Files come with the first dataset."
    unchecked = totals.files - totals.checked_files
    if unchecked:
        word = "file waits" if unchecked == 1 else "files wait"
        return "info", f"{formats.num(unchecked)} {word} for the first check", "Every file is hashed again once a day."
    return "good", "Every file is as it was written", f"The oldest check was {formats.ago(totals.checked_oldest)}."


def _kpis(totals: Any) -> list[dict[str, Any]]:
    free = selectors.disk_free()
    items = [
        {"label": "Files", "value": formats.num(totals.files)},
        {"label": "Stored", "value": formats.size(totals.bytes)},
        {
            "label": "Needed by nothing",
            "value": formats.size(totals.unreferenced_bytes),
            "small": "removed a day after the last write",
        },
        {"label": "Database", "value": formats.size(selectors.database_bytes())},
    ]
    if free is not None:
        items.append({"label": "Free on the disk", "value": formats.size(free)})
    return items


@page
@require_POST
def storage_check(request: HttpRequest) -> HttpResponse:
    """Have every file hashed again."""
    try:
        services.store_check_request(actor=_actor(request))
        messages.success(request, "The check has begun; its progress shows on the home page.")
    except Unavailable as error:
        messages.error(request, error.detail)
    return redirect("storage-usage")


@page
@require_safe
def storage_file_list(request: HttpRequest) -> HttpResponseBase:
    """Every stored file, the largest first."""
    actor = _actor(request)
    _require_store(actor)
    context = {"tabs": admin_tabs(actor, "storage"), "nav_key": "admin"}
    return table_response(request, FILES.bind(request, selectors.blob_list()), "home/storage_files.html", context)


@page
@require_safe
def storage_file(request: HttpRequest, sha256: str) -> HttpResponse:
    """One stored file and who needs it; its bytes are reached through those objects only."""
    actor = _actor(request)
    _require_store(actor)
    blob, needed_by = selectors.blob_get(sha256)
    context = {"blob": blob, "needed_by": needed_by, "tabs": admin_tabs(actor, "storage"), "nav_key": "admin"}
    return render(request, "home/storage_file.html", context)


_get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@page
@_get_or_post
def purge_dataset_version(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Look before the bytes of a dataset version go."""
    return _purge(request, pk, previews.data_preview, "data")


@page
@_get_or_post
def purge_run(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Look before the files of a run go."""
    return _purge(request, pk, previews.run_preview, "experiments")


def _purge(
    request: HttpRequest, pk: uuid.UUID, look: Callable[[Actor, uuid.UUID], PurgePreview], nav_key: str
) -> HttpResponse:
    actor = _actor(request)
    preview = look(actor, pk)
    require(preview.allowed_to, f"Removing bytes takes the right “data.edit”: {who_can('data.edit')} has it.")
    context: dict[str, Any] = {"preview": preview, "nav_key": nav_key, "reason": request.POST.get("reason", "")}
    status = 200
    if request.method == "POST":
        try:
            previews.purge_do(
                actor=actor,
                preview=preview,
                reason=request.POST.get("reason", ""),
                confirm=request.POST.get("confirmation", ""),
            )
            messages.success(request, "The bytes were removed; the record stays.")
            return redirect(preview.url)
        except (Invalid, Conflict) as error:
            status = 422 if isinstance(error, Invalid) else 409
            told = [message for texts in error.fields.values() for message in texts] or [error.detail]
            context["refused"] = [*told, *(str(item) for item in error.items)]
    return render(request, "home/purge.html", context, status=status)
