"""Pages of storage backends, for who manages them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.registries import admin_tabs
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.stores import policies, selectors, services
from apps.stores.contracts import ADDABLE, KINDS, STEPS
from apps.stores.models import StorageBackend, StorageTest
from apps.stores.web.forms import StoreCreateForm, StoreEditForm, TeamForm
from apps.stores.web.tables import STORES, grown_words, growth_attach, shown_state, state_words, where_words

State = StorageBackend.State


def actor_of(request: HttpRequest) -> Actor:
    """Who asks."""
    return request.actor  # type: ignore[attr-defined, no-any-return]


def frame(request: HttpRequest) -> dict[str, Any]:
    """What every page of the room has around it."""
    return {"tabs": admin_tabs(actor_of(request), "storage"), "nav_key": "admin"}


def _backend(request: HttpRequest, pk: uuid.UUID) -> StorageBackend:
    policies.require_stores_manage(actor_of(request))
    return selectors.backend_get(actor_of(request), pk)


@page
@require_safe
def store_list(request: HttpRequest) -> HttpResponseBase:
    """All stores with what each holds."""
    actor = actor_of(request)
    policies.require_stores_manage(actor)
    selectors.backend_own()
    table = STORES.bind(request, selectors.backend_list(actor), prepare=growth_attach)
    return table_response(request, table, "stores/store_list.html", frame(request))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def store_create(request: HttpRequest) -> HttpResponse:
    """A new store; once it is stored, its test begins."""
    actor = actor_of(request)
    policies.require_stores_manage(actor)
    asked = request.POST.get("kind") or request.GET.get("kind") or ""
    kind = asked if asked in ADDABLE else "S3"
    form = StoreCreateForm(request.POST or None, kind=kind)
    if request.method == "POST" and form.is_valid():
        secret = form.cleaned_data.get("secret", "")
        try:
            backend = services.backend_create(actor=actor, kind=kind, secret=secret, **form.values())
        except (Invalid, Conflict) as error:
            form.take_error(error)
        else:
            services.backend_test(actor=actor, backend_id=backend.pk)
            messages.success(request, f"{backend.name} is added. Its test runs now.")
            return redirect("store-detail", pk=backend.pk)
    kinds = [{"key": key, "about": KINDS[key]} for key in ADDABLE]
    context = {"form": form, "about": KINDS[kind], "kinds": kinds, "kind": kind}
    return _form_page(request, context, status=422 if form.errors else 200)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def store_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change a store; a stale form is refused."""
    actor = actor_of(request)
    backend = _backend(request, pk)
    form = StoreEditForm(request.POST or None, backend=backend)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = services.backend_update(
                    actor=actor,
                    backend_id=pk,
                    row_version=form.cleaned_data["row_version"],
                    secret=form.secret_wanted(),
                    **form.values(),
                )
            except (Invalid, Conflict) as error:
                form.take_error(error)
                status = error.status if error.code == "stale" else 422
            else:
                if changed.tested_at is None and not changed.builtin:
                    services.backend_test(actor=actor, backend_id=pk)
                    messages.success(request, "Saved. Its test runs now.")
                else:
                    messages.success(request, "Saved.")
                return redirect("store-detail", pk=pk)
    return _form_page(request, {"form": form, "backend": backend, "about": KINDS[backend.kind]}, status=status)


def _form_page(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    return render(request, "stores/store_form.html", {**context, "nav_key": "admin"}, status=status)


@page
@require_safe
def store_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One store: whether it takes files, its test step by step, whose files go there, what it holds."""
    backend = _backend(request, pk)
    context = {**frame(request), **_context(backend)}
    teams = selectors.teams_of(backend)
    held = {row.team_id for row in teams}
    others = [team for team in accounts.team_list(actor_of(request)) if team.pk not in held]
    if backend.builtin:
        away = set(selectors.teams_elsewhere())
        others = [team for team in others if team.pk in away]
    context |= {"teams": teams, "moves": selectors.moves_of(backend), "menu": _menu(backend)}
    if others and backend.state == State.HEALTHY:
        context["team_form"] = TeamForm(teams=others)
    if request.GET.get("figures"):
        context |= _figures(request, backend)
    return render(request, "stores/store_detail.html", context)


@page
@require_safe
def store_use(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The part of the page that counts every reference of every room, so it comes apart from the page."""
    backend = _backend(request, pk)
    return render(request, "stores/_use.html", {"backend": backend, **_figures(request, backend)})


def _figures(request: HttpRequest, backend: StorageBackend) -> dict[str, Any]:
    growth = selectors.growth_of([backend])[backend.pk]
    names = {team.pk: team.name for team in accounts.team_list(actor_of(request))}
    rows = [
        {"team": names.get(row.team_id, "another team") if row.team_id else "", "files": row.files, "bytes": row.bytes}
        for row in selectors.use_by_team(backend)
    ]
    return {
        "growth": growth,
        "grown": grown_words(growth.grown),
        "rows": rows,
        "kept": selectors.retention_preview(backend, backend.retention_days),
    }


@page
@require_safe
def store_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The parts of the page that change by themselves while a test runs."""
    return render(request, "stores/_now.html", {**_context(_backend(request, pk)), "oob": True})


def _context(backend: StorageBackend) -> dict[str, Any]:
    test = selectors.test_latest(backend)
    words = dict(STEPS)
    steps = [{**step, "words": words.get(step["key"], step["key"])} for step in test.steps] if test else []
    return {
        "backend": backend,
        "about": KINDS[backend.kind],
        "where": where_words(backend),
        "verdict": _verdict(backend),
        "shown_state": shown_state(backend),
        "state_words": state_words(backend),
        "test": test,
        "steps": steps,
        "testing": test is not None and test.state == StorageTest.State.RUNNING,
        "removable": not backend.builtin and backend.state != State.HEALTHY,
    }


def _menu(backend: StorageBackend) -> list[dict[str, Any]]:
    menu: list[dict[str, Any]] = [{"label": "Edit", "icon": "edit", "url": reverse("store-edit", args=[backend.pk])}]
    menu.append({"label": "Move a team's files", "icon": "repeat", "url": reverse("store-move-create")})
    if not backend.builtin and backend.state != State.HEALTHY:
        menu.append({"label": "Remove", "icon": "trash", "open": "remove-store", "bad": True})
    return menu


def _verdict(backend: StorageBackend) -> dict[str, str]:
    if backend.fault:
        title = "It does not answer as it should."
        text = f"{backend.fault} Reading and writing are still tried; what fails says so and can be tried again."
        return {"tone": "bad", "title": title, "text": text}
    if backend.state == State.HEALTHY:
        return {"tone": "good", "title": "It takes files.", "text": ""}
    if backend.state == State.UNTESTED:
        text = "Test it: a small file is written, read, listed and deleted."
        return {"tone": "info", "title": "It takes no files yet.", "text": text}
    title = "It is read-only: what lies here is read on, and nothing new is stored."
    return {"tone": "warn", "title": title, "text": backend.state_reason}


@page
@require_POST
def store_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin a test and show its steps."""
    services.backend_test(actor=actor_of(request), backend_id=pk)
    return redirect("store-detail", pk=pk)


@page
@require_POST
def store_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take no new files."""
    reason = request.POST.get("reason", "")
    try:
        backend = services.backend_close(actor=actor_of(request), backend_id=pk, reason=reason)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{backend.name} is read-only.")
    return redirect("store-detail", pk=pk)


@page
@require_POST
def store_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take new files again."""
    try:
        backend = services.backend_reopen(actor=actor_of(request), backend_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        taking = backend.state == State.HEALTHY
        messages.success(request, "It takes files again." if taking else "Test it: it takes files once a test passed.")
    return redirect("store-detail", pk=pk)


@page
@require_POST
def store_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove a store for good."""
    try:
        backend = services.backend_remove(actor=actor_of(request), backend_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
        return redirect("store-detail", pk=pk)
    messages.success(request, f"{backend.name} is removed, and its secret deleted.")
    return redirect("store-list")


@page
@require_POST
def store_team_attach(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """New files of a team go to this store."""
    actor = actor_of(request)
    policies.require_stores_manage(actor)
    form = TeamForm(request.POST, teams=accounts.team_list(actor))
    if not form.is_valid():
        messages.error(request, "Choose a team.")
        return redirect("store-detail", pk=pk)
    try:
        team_id = form.cleaned_data["team_id"]
        backend = services.team_store_set(actor=actor, team_id=team_id, backend_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"New files of the team go to {backend.name}. Those it has stay where they are.")
    return redirect("store-detail", pk=pk)
