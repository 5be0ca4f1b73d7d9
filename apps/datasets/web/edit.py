"""Writing data: registering, describing, uploading without script, putting away, deleting."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, Invalid, NotFound, TooLarge
from apps.core.web.views import page
from apps.datasets import selectors, services
from apps.datasets.inspection import BadFile
from apps.datasets.services.locking import edit_require
from apps.datasets.web.forms import DatasetForm, errors_show
from apps.datasets.web.targets import target_of
from apps.datasets.web.views import detail_context
from apps.problems import selectors as problems

_get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@page
@_get_or_post
def dataset_create_view(request: HttpRequest) -> HttpResponse:
    """A name is enough; the file comes next."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    if team is None:
        raise NotFound("You are in no team yet. An administrator can add you to one.")
    edit_require(actor, team.pk)
    known = problems.problem_list(actor, team_id=team.pk)[:200]
    form = DatasetForm(request.POST or None, problems=known, initial={"problem": request.GET.get("problem", "")})
    if request.method == "POST" and form.is_valid():
        try:
            dataset = services.dataset_create(actor=actor, team_id=team.pk, **form.values())
            return redirect("dataset-detail", pk=dataset.pk)
        except (Invalid, Conflict) as error:
            errors_show(form, error)
    status = 422 if request.method == "POST" else 200
    return render(request, "datasets/dataset_form.html", {"form": form, "nav_key": "data"}, status=status)


@page
@_get_or_post
def dataset_edit_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change the description; a stale form shows both versions."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    dataset = selectors.dataset_get(actor, pk)
    edit_require(actor, dataset.team_id)
    stored = {name: getattr(dataset, name) for name in ("name", "source", "licence", "description")}
    stored["problem"] = str(dataset.problem_id or "")
    known = problems.problem_list(actor, team_id=dataset.team_id)[:200]
    form = DatasetForm(request.POST or None, problems=known, initial=stored)
    context: dict[str, Any] = {"form": form, "dataset": dataset, "nav_key": "data"}
    context["row_version"] = request.POST.get("row_version") or dataset.row_version
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = request.POST.get("row_version", "")
            seen = int(given) if given.isdigit() and len(given) < 10 else None
            try:
                services.dataset_edit(actor=actor, dataset_id=pk, row_version=seen, **form.values())
                messages.success(request, "Saved.")
                return redirect("dataset-detail", pk=pk)
            except (Invalid, Conflict) as error:
                if error.code == "stale":
                    status = 409
                    context["row_version"] = dataset.row_version
                    context["differences"] = [
                        (field.label, stored[name], form.cleaned_data[name])
                        for name, field in form.fields.items()
                        if str(stored[name]) != str(form.cleaned_data[name])
                    ]
                else:
                    errors_show(form, error)
    return render(request, "datasets/dataset_form.html", context, status=status)


@page
@require_POST
def dataset_upload_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a file sent with the form, or the id of an upload that the page has sent in parts."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    dataset = selectors.dataset_get(actor, pk)
    edit_require(actor, dataset.team_id)
    before = selectors.dataset_version_list(actor, dataset).first()
    file = request.FILES.get("file")
    try:
        if request.POST.get("upload"):
            version = services.upload_complete(
                actor=actor, upload_id=_id(request.POST["upload"]), target_id=target_of(request)
            ).version
        elif file is not None:
            version = services.dataset_version_create_from_file(
                actor=actor, dataset_id=pk, filename=file.name or "", chunks=file.chunks(), target_id=target_of(request)
            )
        else:
            raise Invalid.field("file", "Choose a file first.")
    except (Invalid, Conflict, TooLarge) as error:
        fault = error.fault.to_json() if isinstance(error, BadFile) else None
        context = {
            **detail_context(actor, dataset),
            "fault": fault,
            "refused": error.detail,
            "filename": file.name if file else "",
            "size": file.size if file else None,
        }
        return render(request, "datasets/upload_stopped.html", context, status=max(error.status, 400))
    if before is not None and version.number <= before.number:
        messages.info(request, f"These are the very bytes of version {version.number}, so no new version was made.")
    return redirect("dataset-version-detail", pk=version.pk)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("There is no such upload.") from None


@page
@_get_or_post
def dataset_delete_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Look before deleting: what it frees, and what could not be reproduced any more."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    dataset = selectors.dataset_get(actor, pk)
    edit_require(actor, dataset.team_id)
    context: dict[str, Any] = {"dataset": dataset, "nav_key": "data", "preview": services.delete_preview(actor, pk)}
    if request.method == "POST":
        try:
            services.dataset_delete(
                actor=actor,
                dataset_id=pk,
                confirm=request.POST.get("confirmation", ""),
                reason=request.POST.get("reason", ""),
            )
            messages.success(request, f"“{dataset.name}” was deleted.")
            return redirect("dataset-list")
        except (Invalid, Conflict) as error:
            context["refused"] = " ".join(m for texts in error.fields.values() for m in texts) or error.detail
            return render(request, "datasets/dataset_delete.html", context, status=422)
    return render(request, "datasets/dataset_delete.html", context)


@page
@require_POST
def dataset_act_view(request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Put away, or bring back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    acts = {
        "archive": (services.dataset_archive, "Archived."),
        "restore": (services.dataset_restore, "Restored."),
    }
    if verb not in acts:
        raise NotFound("There is no such step.")
    act, done = acts[verb]
    try:
        act(actor=actor, dataset_id=pk)
        messages.success(request, done)
    except FairwayError as error:
        if error.status not in (400, 409):
            raise
        messages.error(request, error.detail)
    return redirect("dataset-detail", pk=pk)
