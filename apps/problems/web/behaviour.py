"""The page of a problem's behaviour tests: those in force, their versions, and the form that writes one."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.web.views import page
from apps.problems import policies, selectors, services
from apps.problems.models import BehaviourVersion, Problem
from apps.problems.web.behaviour_forms import (
    KIND_WORDS,
    BehaviourForm,
    behaviour_errors,
    behaviour_row,
    behaviour_values,
)

_State = Problem.State
_NEW = {"least_percent": "100", "compare": "LABEL", "direction": "NOT_UP"}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def behaviour_list_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every test with its versions; one is written or followed here. `?kind=` chooses the form, `?test=` fills it."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    rows = list(selectors.behaviour_list(actor, problem))
    may_edit = policies.behaviour_may_edit(actor, problem) and problem.archived_at is None
    chosen = _chosen(request, rows)
    kind = _kind(request, chosen)
    form = BehaviourForm(
        request.POST or None,
        initial=_NEW if chosen is None else {**_NEW, **behaviour_row(chosen)},
        kind=kind,
        task=selectors.version_shown(problem).task,
    )
    if request.method == "POST":
        if not may_edit:
            raise Forbidden("Behaviour tests are written by a data scientist or a product owner of the team.")
        try:
            values = behaviour_values(request.POST, kind, chosen)
            saved = services.behaviour_save(actor=actor, problem_id=pk, **values)
            messages.success(request, f"Behaviour test “{saved.test.name}” has version {saved.number}.")
            return redirect("problem-behaviour-list", pk=pk)
        except (Invalid, Conflict) as error:
            behaviour_errors(form, error)
    may_loosen = policies.critical_may_change(actor, problem) or problem.state in (_State.DRAFT, _State.IN_REVIEW)
    context = _context(problem, rows, may_edit=may_edit, may_loosen=may_loosen, form=form, kind=kind, chosen=chosen)
    return render(request, "problems/behaviour_list.html", context, status=422 if request.method == "POST" else 200)


def _context(
    problem: Problem,
    rows: list[BehaviourVersion],
    *,
    may_edit: bool,
    may_loosen: bool,
    form: BehaviourForm,
    kind: str,
    chosen: BehaviourVersion | None,
) -> dict[str, Any]:
    newest = list({row.test_id: row for row in reversed(rows)}.values())
    in_force = [row for row in newest if row.test.archived_at is None]
    ids = {row.pk for row in newest}
    kept = f"&test={chosen.test_id}" if chosen is not None else ""
    return {
        "nav_key": "problems",
        "problem": problem,
        "form": form,
        "may_edit": may_edit,
        "kind": kind,
        "kinds": [
            {"url": f"?kind={code}{kept}#h-save", "label": word, "current": code == kind}
            for code, word in KIND_WORDS.items()
        ],
        "chosen": chosen,
        "cases": len(chosen.definition.get("cases", ())) if chosen is not None else 0,
        "readiness": selectors.behaviour_readiness(in_force),
        "rows": [
            {
                "row": row,
                "says": selectors.behaviour_words(row),
                "state": "ARCHIVED" if row.test.archived_at else "SEALED" if row.pk in ids else "RETIRED",
                "word": "archived" if row.test.archived_at else "in force" if row.pk in ids else "replaced",
                "may_follow": may_edit and row.pk in ids and (may_loosen or not row.critical or row.test.archived_at),
                "first": selectors.came_first(row),
            }
            for row in rows
        ],
    }


def _chosen(request: HttpRequest, rows: list[BehaviourVersion]) -> BehaviourVersion | None:
    """The newest version of the test that the address or the sent name speaks of."""
    wanted = request.GET.get("test", "")
    name = request.POST.get("name", "").strip().lower()
    return next((row for row in rows if str(row.test_id) == wanted or (name and row.test.name.lower() == name)), None)


def _kind(request: HttpRequest, chosen: BehaviourVersion | None) -> str:
    given = request.POST.get("kind") or request.GET.get("kind", "")
    if given in KIND_WORDS:
        return given
    return chosen.kind if chosen is not None else next(iter(KIND_WORDS))


@page
@require_POST
def behaviour_archive_view(request: HttpRequest, pk: uuid.UUID, test: uuid.UUID) -> HttpResponse:
    """Take a test out of force or bring it back (`archived` is 0)."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    problem = selectors.problem_get(actor, pk)
    archived = request.POST.get("archived", "1") != "0"
    try:
        version = services.behaviour_archive(actor=actor, test_id=test, archived=archived)
        done = "archived: candidates are not asked it any more" if archived else "in force again"
        messages.success(request, f"Behaviour test “{version.test.name}” is {done}.")
    except Conflict as error:
        messages.error(request, error.detail)
    return redirect(reverse("problem-behaviour-list", args=[problem.pk]))
