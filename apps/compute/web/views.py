"""Pages of compute targets, for who manages them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.compute import policies, selectors, services
from apps.compute.contracts import STEPS, use_of
from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.web.forms import TargetCreateForm, TargetEditForm, kind_choices
from apps.compute.web.tables import TARGETS, kind_title, price_words, use_attach
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.registries import admin_tabs
from apps.core.tables import table_response
from apps.core.web.views import page
from workers.executors.base import ExecutorError

State = ComputeTarget.State


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {"tabs": admin_tabs(_actor(request), "compute"), "nav_key": "admin"}


def _target(request: HttpRequest, pk: uuid.UUID) -> ComputeTarget:
    target = selectors.target_get(_actor(request), pk)
    policies.require_targets_manage(_actor(request))
    return target


@page
@require_safe
def compute_list(request: HttpRequest) -> HttpResponseBase:
    """All targets with what runs on each."""
    actor = _actor(request)
    policies.require_targets_manage(actor)
    selectors.target_local()
    table = TARGETS.bind(request, selectors.target_list(actor), prepare=use_attach)
    return table_response(request, table, "compute/target_list.html", _frame(request))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def compute_create(request: HttpRequest) -> HttpResponse:
    """A new target; once it is stored, its test begins."""
    actor = _actor(request)
    policies.require_targets_manage(actor)
    offered = [name for name, _ in kind_choices()]
    asked = request.POST.get("kind") or request.GET.get("kind") or ""
    kind = asked if asked in offered else offered[0]
    form = TargetCreateForm(request.POST or None, teams=accounts.team_list(actor), kind=kind)
    if request.method == "POST" and form.is_valid():
        try:
            target = services.target_create(
                actor=actor, kind=kind, secret=form.cleaned_data.get("secret", ""), **form.values()
            )
        except (Invalid, Conflict) as error:
            form.take_error(error)
        else:
            services.target_test(actor=actor, target_id=target.pk)
            messages.success(request, f"{target.name} is added. Its test runs now.")
            return redirect("compute-detail", pk=target.pk)
    context = {"form": form, "about": services.kind_about(kind)}
    return _form_page(request, context, status=422 if form.errors else 200)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def compute_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change a target; a stale form is refused."""
    actor = _actor(request)
    target = _target(request, pk)
    form = TargetEditForm(request.POST or None, target=target, teams=accounts.team_list(actor))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = services.target_update(
                    actor=actor,
                    target_id=pk,
                    row_version=form.cleaned_data["row_version"],
                    secret=form.secret_wanted(),
                    **form.values(),
                )
            except (Invalid, Conflict) as error:
                form.take_error(error)
                status = error.status if error.code == "stale" else 422
            else:
                untested = changed.state == State.UNTESTED
                messages.success(request, "Saved. Test it again before jobs go there." if untested else "Saved.")
                return redirect("compute-detail", pk=pk)
    context = {"form": form, "target": target, "about": services.kind_about(target.kind)}
    return _form_page(request, context, status=status)


def _form_page(request: HttpRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    return render(request, "compute/target_form.html", {**context, "nav_key": "admin"}, status=status)


@page
@require_safe
def compute_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One target: whether it takes jobs, its test step by step, what runs on it."""
    return render(request, "compute/target_detail.html", {**_frame(request), **_context(request, _target(request, pk))})


@page
@require_safe
def compute_now(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The parts of the page that change by themselves while a test runs."""
    return render(request, "compute/_now.html", {**_context(request, _target(request, pk)), "oob": True})


def _context(request: HttpRequest, target: ComputeTarget) -> dict[str, Any]:
    use = use_of([target.pk])[target.pk]
    test = selectors.test_latest(target)
    try:
        about = services.kind_about(target.kind)
        gaps = about.keeps.gaps()
    except ExecutorError as error:
        about, gaps = None, [str(error)]
    return {
        "target": target,
        "kind_title": kind_title(target),
        "about": about,
        "gaps": gaps,
        "use": use,
        "price": price_words(target),
        "teams": None if target.all_teams else list(target.teams.order_by("name")),
        "warnings": target.facts.get("warnings", []),
        "facts": [(name, value) for name, value in target.facts.items() if name != "warnings"],
        "verdict": _verdict(target),
        "test": test,
        "steps": _steps(test),
        "testing": test is not None and test.state == TargetTest.State.RUNNING,
        "removable": not target.builtin and target.state != State.HEALTHY,
        "menu": _menu(target),
    }


def _menu(target: ComputeTarget) -> list[dict[str, Any]]:
    menu: list[dict[str, Any]] = [
        {"label": "Edit", "icon": "edit", "url": reverse("compute-edit", args=[target.pk])},
    ]
    if not target.builtin and target.state != State.HEALTHY:
        menu.append({"label": "Remove", "icon": "trash", "open": "remove-target", "bad": True})
    return menu


def _steps(test: TargetTest | None) -> list[dict[str, Any]]:
    words = dict(STEPS)
    return [{**step, "words": words.get(step["key"], step["key"])} for step in test.steps] if test else []


_TONES = {State.HEALTHY: "good", State.DEGRADED: "warn", State.UNTESTED: "info", State.DRAINED: "info"}


def _verdict(target: ComputeTarget) -> dict[str, str]:
    if target.state == State.HEALTHY:
        title, text = "It takes jobs.", ""
    elif target.state == State.DEGRADED:
        title = "It takes no new job until it answers."
        text = f"{target.state_reason} What runs on it is watched on."
    elif target.state == State.UNTESTED:
        title, text = "It takes no job yet.", "Test it: a real tiny job shows each step."
    else:
        title = "It is drained: what runs on it ends, nothing new begins."
        text = target.state_reason
    return {"tone": _TONES[State(target.state)], "title": title, "text": text}


@page
@require_POST
def compute_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin a test and show its steps."""
    services.target_test(actor=_actor(request), target_id=pk)
    return redirect("compute-detail", pk=pk)


@page
@require_POST
def compute_drain(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take no new job."""
    try:
        target = services.target_drain(actor=_actor(request), target_id=pk, reason=request.POST.get("reason", ""))
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"{target.name} is drained. What runs on it goes on to its end.")
    return redirect("compute-detail", pk=pk)


@page
@require_POST
def compute_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take jobs again."""
    try:
        target = services.target_resume(actor=_actor(request), target_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        taking = target.state == State.HEALTHY
        messages.success(request, "It takes jobs again." if taking else "Test it: it takes jobs once a test passed.")
    return redirect("compute-detail", pk=pk)


@page
@require_POST
def compute_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove a target for good."""
    try:
        target = services.target_remove(actor=_actor(request), target_id=pk)
    except Conflict as error:
        messages.error(request, error.detail)
        return redirect("compute-detail", pk=pk)
    messages.success(request, f"{target.name} is removed, and its secret deleted.")
    return redirect("compute-list")
