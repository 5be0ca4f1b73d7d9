"""Reading problems, and the steps of their life that are one press of a button."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from analysis.contracts.segments import Support
from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, NotFound
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.problems import policies, selectors, services
from apps.problems.contracts import ObjectiveColumn, objective_columns, problem_panels
from apps.problems.models import Objective, Problem, ProblemVersion
from apps.problems.money import money_text, symbol_of
from apps.problems.web.forms import field_anchor
from apps.problems.web.tables import PROBLEMS


@page
@require_safe
def problem_list_view(request: HttpRequest) -> HttpResponseBase:
    """The problems of the team."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.problem_list(actor, team_id=team.pk if team else None, archived=archived).order_by()
    may_create = team is not None and actor.can("problem.edit", team.pk)
    context = {"archived": archived, "may_create": may_create}
    return table_response(request, PROBLEMS.bind(request, rows), "problems/problem_list.html", context)


@page
@require_safe
def problem_detail_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A problem with the version that holds, or its first draft."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    versions = selectors.versions_visible(actor, pk)
    accepted = [v for v in versions if v.state == ProblemVersion.State.SEALED]
    shown = accepted[0] if accepted else versions[0]
    return render(request, "problems/problem_detail.html", detail_context(actor, shown, versions))


@page
@require_safe
def version_detail_view(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """One version of a problem, as it was or is to be."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    versions = selectors.versions_visible(actor, pk)
    shown = next((v for v in versions if v.number == number), None)
    if shown is None:
        raise NotFound(f"“{versions[0].problem}” has no version {number}; the newest is {versions[0].number}.")
    return render(request, "problems/problem_detail.html", detail_context(actor, shown, versions))


@page
@require_safe
def problem_strip_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The strip as one line, for a page about something else of this problem.

    `here` names that page's station, `named` says that the page is about one of several things.
    """
    named = request.GET.get("named") == "1"
    return render(
        request, "problems/_strip.html", {"problem_id": pk, "here": request.GET.get("here", ""), "named": named}
    )


@page
@require_safe
def problem_objectives_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The card of objectives of the version in force, with what versions of the model reached and their gates."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    version = selectors.version_current(problem)
    if version is None:
        raise NotFound("No version of this problem is in force.")
    columns = objective_columns(actor, problem.pk)
    context = objectives_context(version, selectors.objective_list(version), columns)
    return render(request, "problems/_objectives.html", {"problem": problem, **context})


def objectives_context(
    version: ProblemVersion, objectives: Iterable[Objective], columns: Sequence[ObjectiveColumn]
) -> dict[str, Any]:
    """The context of `problems/_objectives.html`."""
    currency = selectors.currency_of(version)
    return {
        "objectives": [
            {
                "row": objective,
                "limit": selectors.limit_text(objective, currency),
                "cells": [column.cells.get(objective.pk) for column in columns],
            }
            for objective in objectives
        ],
        "objective_columns": columns,
        "objective_foot": " ".join(dict.fromkeys(column.foot for column in columns if column.foot)),
    }


def detail_context(actor: Actor, shown: ProblemVersion, versions: list[ProblemVersion]) -> dict[str, Any]:
    """What the problem page shows of one version."""
    problem = shown.problem
    for version in versions:
        version.problem = problem
    accepted = [v for v in versions if v.state == ProblemVersion.State.SEALED]
    waiting = next((v for v in versions if v.state != ProblemVersion.State.SEALED), None)
    may_edit = policies.problem_may_edit(actor, problem) and problem.archived_at is None
    draft = shown.state == ProblemVersion.State.DRAFT
    in_review = shown.state == ProblemVersion.State.IN_REVIEW
    is_current = bool(accepted) and shown.pk == accepted[0].pk
    segments = selectors.segments_of(shown, in_force=is_current)
    aims = selectors.objective_list(shown)
    tests = selectors.behaviour_in_force(problem.pk)
    missing = selectors.missing_items(shown, objectives=aims, segments=len(segments)) if draft else []
    return {
        "nav_key": "problems",
        "problem": problem,
        "version": shown,
        "versions": versions,
        "waiting": waiting if waiting is not None and waiting.pk != shown.pk else None,
        "is_current": is_current,
        "may_edit": may_edit,
        "may_accept": in_review and policies.version_may_accept(actor, shown),
        "may_return": in_review and policies.version_may_return(actor, shown),
        "may_steer": policies.problem_may_steer(actor, problem),
        "acceptors": [str(u) for u in selectors.acceptors_of(shown)] if in_review else [],
        "missing": [(field_anchor(item.field), item.message) for item in missing],
        **objectives_context(shown, aims, []),
        "objectives_later": is_current and bool(aims),
        "costs": cost_rows(shown),
        "threshold": selectors.threshold_of(shown),
        "segments": [_segment_row(segment, shown) for segment in segments],
        "protected": ", ".join(s.segment.name for s in segments if s.purpose == "PROTECTED"),
        "support": support_words(shown),
        "tests": [{"row": test, "says": selectors.behaviour_words(test)} for test in tests],
        "readiness": selectors.behaviour_readiness(tests),
        "panels": problem_panels(actor, problem.pk),
        "menu": menu(problem, shown, waiting, may_edit, policies.problem_may_steer(actor, problem), draft),
    }


def _segment_row(segment: Any, version: ProblemVersion) -> dict[str, Any]:
    support = Support.from_json(segment.least_support or version.least_support)
    return {"row": segment, "support": support, "bands": (segment.bands or {}).get("labels", [])}


def support_words(version: ProblemVersion) -> str:
    """ "100 rows, 15 of each outcome"."""
    support = Support.from_json(version.least_support)
    if version.task != "BINARY":
        return f"{support.rows} rows"
    if support.positives == support.negatives:
        return f"{support.rows} rows, {support.positives} of each outcome"
    return f"{support.rows} rows, {support.positives} positive, {support.negatives} negative"


def cost_rows(version: ProblemVersion) -> dict[str, Any] | None:
    """The matrix of what an error costs, in the problem's own words; None while nothing is stated."""
    costs = version.error_costs or {}
    currency = str(costs.get("currency", ""))
    positive = version.positive_word or version.positive_label or "positive"
    negative = version.negative_word or "negative"
    if "false_positive" in costs and "false_negative" in costs and version.task == "BINARY":
        return {
            "heads": [positive, negative],
            "rows": [
                (positive, ["0", money_text(costs["false_positive"], currency)]),
                (negative, [money_text(costs["false_negative"], currency), "0"]),
            ],
        }
    if "per_error" in costs:
        return {"one": "Each wrong answer", "value": money_text(costs["per_error"], currency)}
    if "per_unit" in costs:
        return {"one": "Each unit of error", "value": money_text(costs["per_unit"], currency)}
    return {"one": "", "value": symbol_of(currency)} if costs.get("matrix") else None


def menu(
    problem: Problem,
    shown: ProblemVersion,
    waiting: ProblemVersion | None,
    may_edit: bool,
    may_steer: bool,
    draft: bool,
) -> list[dict[str, Any]]:
    """The overflow menu: only what this person may do in this state."""

    def act(verb: str) -> str:
        return reverse("problem-act", args=[problem.pk, verb])

    items: list[dict[str, Any]] = []
    state, sealed = problem.state, shown.state == ProblemVersion.State.SEALED
    if may_edit and sealed:
        items.append({"label": "Segments", "icon": "users", "url": reverse("problem-segment-list", args=[problem.pk])})
    if may_steer and state in ("ACCEPTED", "ACTIVE"):
        items.append({"label": "Suspend", "icon": "player-pause", "open": "suspend", "bad": True})
    if may_steer and state == "SUSPENDED":
        items.append({"label": "Resume", "icon": "player-play", "open": "resume"})
    if may_steer and state not in ("CLOSED", "IN_REVIEW"):
        items.append({"label": "Close for good", "icon": "lock", "open": "close", "bad": True})
    if may_edit and state != "ACTIVE":
        items.append({"label": "Archive", "icon": "archive", "post": act("archive")})
    if may_edit and draft and waiting is None and shown.number == 1:
        items.append({"label": "Delete draft", "icon": "trash", "open": "delete", "bad": True})
    return items


Act = Callable[[Actor, Problem, str], Any]


def _open_version(problem: Problem) -> ProblemVersion:
    version = selectors.version_open(problem)
    if version is None:
        raise Conflict("No version is being written or reviewed.", code="nothing_open")
    return version


_ACTS: dict[str, tuple[Act, str]] = {
    "submit": (
        lambda a, p, r: services.problem_submit(actor=a, version_id=_open_version(p).pk),
        "Sent for acceptance. The product owners were told.",
    ),
    "accept": (
        lambda a, p, r: services.problem_accept(actor=a, version_id=_open_version(p).pk),
        "Accepted and sealed.",
    ),
    "return": (
        lambda a, p, r: services.problem_return(actor=a, version_id=_open_version(p).pk, reason=r),
        "Returned to draft. The writers were told.",
    ),
    "suspend": (lambda a, p, r: services.problem_suspend(actor=a, problem_id=p.pk, reason=r), "Suspended."),
    "resume": (lambda a, p, r: services.problem_resume(actor=a, problem_id=p.pk, reason=r), "Resumed."),
    "close": (lambda a, p, r: services.problem_close(actor=a, problem_id=p.pk, reason=r), "Closed."),
    "archive": (lambda a, p, r: services.problem_archive(actor=a, problem_id=p.pk), "Archived."),
    "restore": (lambda a, p, r: services.problem_restore(actor=a, problem_id=p.pk), "Restored."),
    "delete": (lambda a, p, r: services.problem_delete(actor=a, problem_id=p.pk), "The draft was deleted."),
}


@page
@require_POST
def problem_act_view(request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """One step of a problem's life; a refusal is shown on the problem's page."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if verb not in _ACTS:
        raise NotFound("There is no such step.")
    problem = selectors.problem_get(actor, pk)
    act, done = _ACTS[verb]
    try:
        act(actor, problem, request.POST.get("reason", ""))
    except FairwayError as error:
        if error.status not in (400, 409):
            raise
        shown = error.detail + "".join(f" {item['message']}" for item in error.items if isinstance(item, dict))
        messages.error(request, shown)
        return redirect("problem-detail", pk=pk)
    messages.success(request, done)
    return redirect("problem-list") if verb == "delete" else redirect("problem-detail", pk=pk)
