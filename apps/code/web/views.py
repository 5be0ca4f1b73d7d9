"""Pages of code: the list, bringing it, one bundle."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.code import policies, selectors, services
from apps.code.contracts import MAX_BYTES, bundle_panels
from apps.code.models import Bundle
from apps.code.web.entries import entries_shown
from apps.code.web.forms import CommitForm, FileForm
from apps.code.web.tables import BUNDLES, tabs
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound, TooLarge
from apps.core.files import file_response
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.jobs import selectors as jobs

SHOWN_FILES = 200


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def code_list(request: HttpRequest) -> HttpResponseBase:
    """The code of the team."""
    actor, team = _actor(request), accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.bundle_list(actor, team_id=team.pk if team else None, archived=archived)
    context = {
        "nav_key": "code",
        "tabs": tabs("code"),
        "archived": archived,
        "may_bring": team is not None and policies.code_bring(actor, team.pk),
    }
    return table_response(request, BUNDLES.bind(request, rows), "code/code_list.html", context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def code_create(request: HttpRequest) -> HttpResponse:
    """Bring a file, or a commit that a job fetches."""
    actor, team = _actor(request), accounts.team_current(request)
    if team is None:
        raise NotFound("You are in no team yet. An administrator can add you to one.")
    policies.require_code_bring(actor, team.pk)
    sent = request.POST.get("how", "") if request.method == "POST" else ""
    file = FileForm(request.POST, request.FILES, label_suffix="") if sent == "file" else FileForm(label_suffix="")
    commit = CommitForm(request.POST if sent == "commit" else None, auto_id="commit_%s", label_suffix="")
    forms: dict[str, FileForm | CommitForm] = {"file": file, "commit": commit}
    form = forms.get(sent)
    if form is not None and form.is_valid():
        try:
            return redirect("code-detail", pk=_bring(request, actor, team.pk, form).pk)
        except (Invalid, Conflict, TooLarge) as error:
            form.take_error(error)
    context = {"nav_key": "code", "file_form": file, "commit_form": commit, "team": team, "max_bytes": MAX_BYTES}
    return render(request, "code/code_create.html", context, status=422 if form is not None else 200)


def _bring(request: HttpRequest, actor: Actor, team_id: uuid.UUID, form: FileForm | CommitForm) -> Bundle:
    data = form.cleaned_data
    if isinstance(form, CommitForm):
        bundle = services.bundle_fetch(actor=actor, team_id=team_id, **data)
        if bundle.state == Bundle.State.FETCHING:
            messages.info(request, "A job fetches the commit. This page shows what is in it once that has ended.")
        return bundle
    file = data["file"]
    bundle, new = services.bundle_store(
        actor=actor, team_id=team_id, filename=file.name or "", chunks=file.chunks(), name=data["name"]
    )
    if new:
        messages.success(request, f"{bundle} is stored.")
    else:
        messages.info(request, f"The same bytes are stored already: this is {bundle}.")
    return bundle


@page
@require_safe
def code_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One bundle: its entries with their parameters, its environment, its files, what ran it."""
    actor = _actor(request)
    bundle = selectors.bundle_get(actor, pk)
    may = policies.code_bring(actor, bundle.team_id)
    verb, word, icon = ("restore", "Restore", "restore") if bundle.archived_at else ("archive", "Archive", "archive")
    menu: list[dict[str, Any]] = []
    if bundle.sha256:
        menu.append({"label": "Download", "icon": "download", "url": reverse("code-file", args=[pk])})
    if may:
        menu.append({"label": word, "icon": icon, "post": reverse(f"code-{verb}", args=[pk])})
    job = None
    if bundle.state != Bundle.State.READY and bundle.job_id:
        job = jobs.job_get(actor, bundle.job_id)
    context = {
        "nav_key": "code",
        "bundle": bundle,
        "entries": entries_shown(bundle),
        "files": bundle.files[:SHOWN_FILES],
        "files_left": max(0, len(bundle.files) - SHOWN_FILES),
        "may_launch": may and bundle.state == Bundle.State.READY,
        "launch_url": reverse("code-launch"),
        "menu": menu,
        "job": job,
        "panels": [
            render_to_string(template, {**panel, "bundle": bundle}, request)
            for template, panel in bundle_panels(actor, bundle)
        ],
    }
    return render(request, "code/code_detail.html", context)


@page
@require_safe
def code_file(request: HttpRequest, pk: uuid.UUID) -> FileResponse:
    """The bytes as they were sent."""
    bundle = selectors.bundle_get(_actor(request), pk)
    if not bundle.sha256:
        raise NotFound(f"{bundle} has no bytes yet: it is {bundle.get_state_display()}.")
    return file_response(sha256=bundle.sha256, size=bundle.size, name=bundle.filename)


@page
@require_POST
def code_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Put it out of the lists."""
    bundle = services.bundle_archive(actor=_actor(request), bundle_id=pk)
    messages.success(request, f"{bundle} is archived. Runs that used it keep it.")
    return redirect("code-detail", pk=pk)


@page
@require_POST
def code_restore(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Bring it back."""
    bundle = services.bundle_archive(actor=_actor(request), bundle_id=pk, archived=False)
    messages.success(request, f"{bundle} is back in the list.")
    return redirect("code-detail", pk=pk)
