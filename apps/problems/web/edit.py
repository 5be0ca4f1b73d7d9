"""Writing problems: the name, the draft with its rows, the reason for a new version, segments afterwards."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.policies import require_verb, require_verb_in
from apps.core.web.views import page
from apps.problems import policies, selectors, services
from apps.problems.models import ProblemVersion
from apps.problems.web.draft_input import DraftInput
from apps.problems.web.forms import (
    DraftForm,
    NameForm,
    ReasonForm,
    SegmentForm,
    field_anchor,
    segment_errors,
    segment_proposed,
    segment_row,
    segment_values,
)

_get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@page
@_get_or_post
def problem_create_view(request: HttpRequest) -> HttpResponse:
    """A name is all it takes; the draft opens next."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    if team is None:
        raise NotFound("You are in no team yet. An administrator can add you to one.")
    require_verb_in(actor, "problem.edit", team.pk)
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            problem = services.problem_create(actor=actor, team_id=team.pk, name=form.cleaned_data["name"])
            return redirect("problem-edit", pk=problem.pk)
        except (Invalid, Conflict) as error:
            _errors_show(form, error)
    status = 422 if request.method == "POST" else 200
    return render(request, "problems/problem_create.html", {"form": form, "nav_key": "problems"}, status=status)


def _errors_show(form: Any, error: Invalid | Conflict) -> None:
    placed = False
    for field, texts in error.fields.items():
        if field in form.fields:
            placed = True
            for text in texts:
                form.add_error(field, text)
    if not placed:
        form.add_error(None, error.detail)


@page
@_get_or_post
def problem_edit_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The draft as one form; rows are added and removed by buttons that send the form, with or without htmx.

    An address may propose a segment: it is filled in as one more row; without a draft a new version is offered first.
    """
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    require_verb(actor, "problem.edit", problem)
    version = selectors.version_open(problem)
    proposed = segment_proposed(request.GET)
    if version is None and proposed is not None and request.method != "POST":
        messages.info(request, "There is no draft yet. Begin a new version; the segment is filled in then.")
        return redirect(f"{reverse('problem-version-new', args=[pk])}?{request.GET.urlencode()}")
    if version is None or version.state != ProblemVersion.State.DRAFT:
        messages.info(request, "There is no draft to change: begin a new version, or return the one in review.")
        return redirect("problem-detail", pk=pk)
    version.problem = problem
    owners = accounts.people_with_verb("problem.accept", problem.team_id)
    entered = DraftInput(
        request.POST if request.method == "POST" else None, version=version, owners=owners, proposed=proposed
    )
    context: dict[str, Any] = {"row_version": request.POST.get("row_version") or version.row_version}
    status = 200
    if entered.action in ("save", "submit"):
        try:
            saved = services.problem_version_edit(
                actor=actor, version_id=version.pk, row_version=_number(request, "row_version"), **entered.payload()
            )
            if entered.action == "submit":
                services.problem_submit(actor=actor, version_id=saved.pk)
                messages.success(request, "Sent for acceptance. The product owners were told.")
            else:
                messages.success(request, "Saved.")
            return redirect("problem-detail", pk=pk)
        except Invalid as error:
            entered.errors_add(error)
            status = 422
        except Conflict as error:
            status, context = 409, _conflict(entered, version, error, owners)
    return render(
        request,
        "problems/problem_edit.html",
        {
            "nav_key": "problems",
            "problem": problem,
            "version": version,
            "input": entered,
            "form": entered.main,
            "total_errors": _errors_count(entered),
            "missing": [(field_anchor(i.field), i.message) for i in selectors.missing_items(version)],
            **context,
        },
        status=status,
    )


def _number(request: HttpRequest, name: str) -> int | None:
    given = request.POST.get(name, "")
    return int(given) if given.isdigit() and len(given) < 10 else None


def _errors_count(entered: DraftInput) -> int:
    forms = [entered.main, *entered.objectives, *entered.segments]
    return sum(len(form.errors) for form in forms if form.is_bound)


def _conflict(entered: DraftInput, version: ProblemVersion, error: Conflict, owners: Any) -> dict[str, Any]:
    """What to show when the draft was not taken: both versions of a stale form, or what is missing."""
    fresh = selectors.version_open(version.problem)
    context: dict[str, Any] = {"refused": error, "row_version": version.row_version}
    if fresh is None:
        return context
    context["row_version"] = fresh.row_version
    if error.code == "stale":
        stored = DraftInput(None, version=fresh, owners=owners)
        labels = {name: field.label for name, field in DraftForm.base_fields.items()}
        differences = []
        for name, label in labels.items():
            theirs, mine = stored.main[name].value(), entered.main[name].value()
            if str(theirs or "").strip() != str(mine or "").strip():
                differences.append((label, theirs, mine))
        context["differences"] = differences
        context["stored_rows"] = (len(stored.objectives), len(stored.segments))
    elif error.code == "incomplete":
        context["missing_now"] = [(field_anchor(i["field"]), i["message"]) for i in error.items]
    return context


@page
@_get_or_post
def version_new_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin the next version with the reason for the change."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    require_verb(actor, "problem.edit", problem)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.problem_version_new(actor=actor, problem_id=pk, reason=form.cleaned_data["reason"])
            kept = f"?{request.GET.urlencode()}#h-segments" if segment_proposed(request.GET) is not None else ""
            return redirect(f"{reverse('problem-edit', args=[pk])}{kept}")
        except (Invalid, Conflict) as error:
            _errors_show(form, error)
    context = {"form": form, "problem": problem, "nav_key": "problems", "current": selectors.version_current(problem)}
    return render(request, "problems/version_new.html", context, status=422 if request.method == "POST" else 200)


@page
@_get_or_post
def segment_list_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every segment with its versions; another one is added here, also after the problem was accepted."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    may_edit = policies.segments_may_edit(actor, problem) and problem.archived_at is None
    form = SegmentForm(request.POST or None, initial=_segment_initial(request, actor, problem))
    if request.method == "POST":
        if not may_edit:
            raise Forbidden("Segments are written by a data scientist or a product owner of the team.")
        current = selectors.version_open(problem) or selectors.version_current(problem)
        values, bad = segment_values(request.POST, current.least_support if current else None)
        try:
            if bad:
                raise Invalid("Some fields cannot be read. Nothing was saved.", fields=bad)
            saved = services.segment_save(actor=actor, problem_id=pk, **values)
            messages.success(request, f"Segment “{saved.segment.name}” has version {saved.number}.")
            return redirect("problem-segment-list", pk=pk)
        except (Invalid, Conflict) as error:
            segment_errors(form, error.fields, error.detail)
    context = {
        "nav_key": "problems",
        "problem": problem,
        "form": form,
        "may_edit": may_edit,
        "rows": selectors.segment_list(actor, problem),
    }
    return render(request, "problems/segment_list.html", context, status=422 if request.method == "POST" else 200)


def _segment_initial(request: HttpRequest, actor: Actor, problem: Any) -> dict[str, Any] | None:
    wanted = request.GET.get("segment", "")
    rows = [s for s in selectors.segment_list(actor, problem) if str(s.segment_id) == wanted] if wanted else []
    return segment_row(rows[0]) if rows else None
