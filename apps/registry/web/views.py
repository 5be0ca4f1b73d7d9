"""Pages of models and their versions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, Invalid, NotFound
from apps.core.files import file_response
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.lineage import selectors as lineage
from apps.problems import selectors as problems
from apps.registry import policies, selectors, services
from apps.registry.contracts import live_version_id
from apps.registry.web.forms import DescriptionForm
from apps.registry.web.tables import MODELS, VERSIONS, live_attach, standing_attach, task_word
from apps.registry.web.version import version_context


@page
@require_safe
def model_list(request: HttpRequest) -> HttpResponseBase:
    """The models of the team."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.model_list(actor, team_id=team.pk if team else None, archived=archived)
    table = MODELS.bind(request, rows, prepare=live_attach(actor))
    return table_response(request, table, "registry/model_list.html", {"archived": archived, "nav_key": "models"})


@page
@require_safe
def model_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """A model and its versions: which is live, which is newest."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    model = selectors.model_get(actor, pk)
    versions = selectors.version_list(actor, model_id=model.pk)
    live_id = live_version_id(model.pk)
    newest, live = selectors.version_heads(actor, model, live_id)
    table = VERSIONS.bind(request, versions, prepare=standing_attach(actor, model, newest, live_id))
    may_register = policies.model_register(actor, model.team_id)
    context: dict[str, Any] = {
        "nav_key": "models",
        "model": model,
        "task": task_word(model.task),
        "newest": newest,
        "live": live,
        "may_register": may_register,
        "menu": _model_menu(model, may_register),
    }
    if model.problem_id is None and may_register:
        context["problems"] = problems.problem_list(actor, team_id=model.team_id).order_by("name", "id")[:200]
    return table_response(request, table, "registry/model_detail.html", context)


def _model_menu(model: Any, may_register: bool) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = [
        {"label": "As JSON", "icon": "braces", "url": reverse("api-model-detail", args=[model.pk])}
    ]
    if may_register:
        url = reverse("model-archive", args=[model.pk])
        items.append({"label": "Edit description", "icon": "edit", "url": reverse("model-edit", args=[model.pk])})
        items.append({"label": "Restore" if model.archived_at else "Archive", "icon": "archive", "post": url})
    return items


def _description_page(
    request: HttpRequest,
    context: dict[str, Any],
    stored: Callable[[], Any],
    save: Callable[[str, int | None], Any],
) -> HttpResponse | None:
    """Show or save the description; None once it is saved. A stale form shows both texts."""
    template = "registry/description_edit.html"
    if request.method != "POST":
        row = stored()
        form = DescriptionForm(
            initial={"description": row.description, "row_version": row.row_version}, label_suffix=""
        )
        return render(request, template, {**context, "form": form})
    form = DescriptionForm(request.POST, label_suffix="")
    if not form.is_valid():
        return render(request, template, {**context, "form": form}, status=422)
    mine = form.cleaned_data["description"]
    try:
        save(mine, form.cleaned_data.get("row_version"))
    except Conflict as refusal:
        row = stored()
        again = DescriptionForm(initial={"description": mine, "row_version": row.row_version}, label_suffix="")
        shown = {**context, "form": again, "refused": refusal, "theirs": row.description, "mine": mine}
        return render(request, template, shown, status=409)
    return None


@page
@require_http_methods(["GET", "HEAD", "POST"])
def model_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The description of a model."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    model = selectors.model_get(actor, pk)

    def save(text: str, row_version: int | None) -> None:
        services.model_update(actor=actor, model_id=pk, description=text, row_version=row_version)

    context = {"nav_key": "models", "thing": str(model), "back": reverse("model-detail", args=[pk])}
    shown = _description_page(request, context, lambda: selectors.model_get(actor, pk), save)
    if shown is not None:
        return shown
    messages.success(request, "Saved.")
    return redirect("model-detail", pk=pk)


@page
@require_POST
def model_attach(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say which problem a model serves that a client began without one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    selectors.model_get(actor, pk)

    def attach() -> None:
        try:
            problem_id = uuid.UUID(request.POST.get("problem", ""))
        except ValueError as error:
            raise Invalid.field("problem", "Choose a problem.") from error
        services.model_attach(actor=actor, model_id=pk, problem_id=problem_id)

    _try(request, attach, "Attached. Its versions can be evaluated now.")
    return redirect("model-detail", pk=pk)


@page
@require_POST
def model_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a model out of the lists, or put it back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    archived = selectors.model_get(actor, pk).archived_at is None
    done = "Archived. Nothing was deleted." if archived else "Back in the lists."
    _try(request, lambda: services.model_archive(actor=actor, model_id=pk, archived=archived), done)
    return redirect("model-detail", pk=pk)


@page
@require_safe
def version_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One version: how it stands, what it is, what it came from."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.model_version_get(actor, pk)
    return render(request, "registry/version_detail.html", version_context(request, actor, version))


@page
@require_safe
def version_lineage(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What the version came from and what came of it; asked for when the card comes into view."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.model_version_get(actor, pk)
    edges = lineage.lineage_of(actor, "registry.modelversion", version.pk)
    return render(request, "registry/_lineage.html", {"version": version, "lineage": edges})


@page
@require_http_methods(["GET", "HEAD", "POST"])
def version_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The description of a version: all that may change of a sealed one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.model_version_get(actor, pk)

    def save(text: str, row_version: int | None) -> None:
        services.version_describe(actor=actor, version_id=pk, description=text, row_version=row_version)

    context = {"nav_key": "models", "thing": str(version), "back": reverse("version-detail", args=[pk])}
    shown = _description_page(request, context, lambda: selectors.model_version_get(actor, pk), save)
    if shown is not None:
        return shown
    messages.success(request, "Saved.")
    return redirect("version-detail", pk=pk)


@page
@require_POST
def version_archive(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a sealed version out of use, or back."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    archived = selectors.model_version_get(actor, pk).state != "ARCHIVED"
    done = "Archived. Nothing was deleted." if archived else "In use again."
    _try(request, lambda: services.version_archive(actor=actor, version_id=pk, archived=archived), done)
    return redirect("version-detail", pk=pk)


@page
@require_POST
def version_quarantine(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Refuse a version to every loader, with a reason."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    selectors.model_version_get(actor, pk)
    reason = request.POST.get("reason", "")
    _try(
        request,
        lambda: services.version_quarantine(actor=actor, version_id=pk, reason=reason),
        "Quarantined. Nothing loads it from now on.",
    )
    return redirect("version-detail", pk=pk)


@page
@require_POST
def version_alias(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Point an alias at this version, or remove one."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.model_version_get(actor, pk)
    name = request.POST.get("alias", "").strip()
    if request.POST.get("remove"):
        _try(
            request,
            lambda: services.alias_delete(actor=actor, model_id=version.model_id, name=name),
            f"Alias {name} is removed.",
        )
    else:
        _try(
            request,
            lambda: services.alias_set(actor=actor, model_id=version.model_id, name=name, version_id=pk),
            f"Alias {name} points here.",
        )
    return redirect("version-detail", pk=pk)


def _try(request: HttpRequest, act: Callable[[], Any], done: str) -> None:
    """Do it and say so; a refusal by rule is said on the page that follows."""
    try:
        act()
    except FairwayError as refusal:
        if refusal.status not in (400, 409):
            raise
        messages.error(request, refusal.detail)
    else:
        messages.success(request, done)


@page
@require_safe
def version_file(request: HttpRequest, pk: uuid.UUID, path: str) -> HttpResponseBase:
    """One file of a version, always as an attachment."""
    version = selectors.model_version_get(request.actor, pk)  # type: ignore[attr-defined]
    for row in version.manifest:
        if row["path"] == path:
            return file_response(sha256=row["sha256"], size=row["size"], name=path)
    raise NotFound(selectors.model_missing(version) or "The version has no such file.")
