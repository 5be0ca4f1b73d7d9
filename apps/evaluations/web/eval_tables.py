"""Evaluation tables of MLflow runs: the card on the run's page, and the form that has one judged by segment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.actors import Actor
from apps.core.errors import FairwayError, Forbidden, NotFound
from apps.core.web.views import page
from apps.evaluations import policies, selectors, services
from apps.evaluations.selectors.tables import TABLE_FILE
from apps.experiments import selectors as experiments
from apps.problems import selectors as problems
from apps.registry import services as registry

if TYPE_CHECKING:
    from apps.experiments.models import Run

MOST_SHOWN: Final = 10
MOST_PROBLEMS: Final = 200
WHO: Final = (
    "Judging an evaluation table takes a data scientist's role in the team: it runs a job and registers a version."
)
_FIELDS: Final = {"weight_column": "weight", "query_column": "query"}


class TableForm(forms.Form):
    """Which table answers whose question, and where its answers stand: the file is not opened before a job reads it."""

    path = forms.ChoiceField(label="Table")
    problem_id = forms.ChoiceField(label="It answers the question of")
    name = forms.CharField(
        label="Name of the outside model",
        max_length=256,
        help_text="It gets a version without files, compared like any other.",
    )
    column = forms.CharField(
        label="Column with the answers",
        required=False,
        max_length=500,
        strip=False,
        help_text="What evaluate() was given as predictions; “outputs” where it was given a model. For two classes the "
        "score of the positive label, or 0 and 1.",
    )
    score_prefix = forms.CharField(
        label="Score columns begin with",
        required=False,
        max_length=200,
        strip=False,
        help_text="Many classes only, such as “p_”.",
    )
    threshold = forms.FloatField(
        label="Threshold",
        required=False,
        min_value=0,
        max_value=1,
        help_text="Two classes only. Left empty: the one that follows from the costs of errors.",
    )
    weight = forms.CharField(label="Column of weights", required=False, max_length=500, strip=False)
    query = forms.CharField(
        label="Column of queries", required=False, max_length=500, strip=False, help_text="For an order of items."
    )

    def __init__(self, *args: Any, run: Run, paths: list[str], actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, Any] = self.fields
        fields["path"].choices = [(path, path) for path in paths]
        rows = problems.problem_list(actor, team_id=run.team_id).filter(state__in=("ACCEPTED", "ACTIVE"))
        fields["problem_id"].choices = [(str(row.pk), row.name) for row in rows[:MOST_PROBLEMS]]

    def refused(self, refusal: FairwayError) -> None:
        """Put what a service says at the fields."""
        for name, texts in (refusal.fields or {"": [refusal.detail]}).items():
            field = _FIELDS.get(name, name)
            for text in texts:
                self.add_error(field if field in self.fields else None, text)


def tables_of_run(actor: Actor, run: Run) -> Mapping[str, Any] | None:
    """The card of a run that logged evaluation tables; None for others."""
    paths = selectors.table_paths(run.pk)
    if not paths:
        return None
    return {
        "paths": paths,
        "rows": selectors.judgement_list(actor, run.pk).order_by("-id")[:MOST_SHOWN],
        "may": policies.predictions_judge(actor, run.team_id) and run.purged_at is None,
        "url": f"{reverse('table-judge')}?{urlencode({'run': run.pk})}",
        "who": WHO,
    }


def _run_wanted(request: HttpRequest) -> Run:
    given = request.POST.get("run") or request.GET.get("run") or ""
    try:
        return experiments.run_get(request.actor, uuid.UUID(given))  # type: ignore[attr-defined]
    except ValueError:
        raise NotFound("There is no such run, or you may not see it.") from None


@page
@require_http_methods(["GET", "HEAD", "POST"])
def table_judge(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST has the table read, and judged as soon as it has been."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = _run_wanted(request)
    may = policies.predictions_judge(actor, run.team_id)
    if request.method == "POST" and not may:
        raise Forbidden(WHO)
    paths = selectors.table_paths(run.pk)
    first = next((path for path in paths if path == request.GET.get("path")), paths[0] if paths else "")
    usual = {
        "path": first,
        "problem_id": str(run.experiment.problem_id or ""),
        "name": registry.model_name_fit(f"{run.name}, evaluated"),
        "column": "outputs",
    }
    form = TableForm(
        request.POST if request.method == "POST" else None, run=run, paths=paths, actor=actor, initial=usual
    )
    status = 200
    if request.method == "POST":
        if form.is_valid():
            given = form.cleaned_data
            try:
                services.table_judge(
                    actor=actor,
                    run_id=run.pk,
                    path=given["path"],
                    problem_id=uuid.UUID(given["problem_id"]),
                    brought=registry.Brought(given["name"], given["column"], given["score_prefix"], given["threshold"]),
                    row_columns=services.RowColumns(given["weight"] or None, given["query"] or None),
                )
            except FairwayError as refusal:
                if refusal.status not in (400, 409):
                    raise
                form.refused(refusal)
            else:
                messages.success(request, "The table is being read; it is judged by segment as soon as it has been.")
                return redirect(f"{reverse('run-detail', args=[run.pk])}#tables")
        status = 422
    context = {"nav_key": "experiments", "run": run, "form": form, "paths": paths, "may": may, "who": WHO}
    return render(request, "evaluations/table_judge.html", context | {"file": TABLE_FILE}, status=status)
