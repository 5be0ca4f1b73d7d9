"""Launching an evaluation: one button from a version, or a small form that also asks for data and baseline."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING
from apps.compute import selectors as compute
from apps.core.actors import Actor
from apps.core.errors import FairwayError, Forbidden, NotFound
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.datasets.contracts import ColumnRole
from apps.evaluations import policies, services
from apps.evaluations.web.row_columns import query_choices, role_column, weight_choices
from apps.jobs.policies import priority_choices
from apps.problems import selectors as problems
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

MOST_CHOICES = 200
SENSITIVITIES = (0.8, 0.9, 0.95, 0.99)
FIRST = (2, 3, 5, 10)
# Between the names of a crossing's segments, in a value of the form: no name holds it.
BETWEEN = "\x1f"
PARTS = [("all", "All rows with a known truth"), ("test", "The test part of the split")]


class LaunchForm(forms.Form):
    """Which version, on which rows, against which other version."""

    model_version_id = forms.ChoiceField(label="Version to evaluate")
    dataset_version_id = forms.ChoiceField(
        label="Data",
        required=False,
        help_text="Only the test part of these rows is scored, with the split that the data state.",
    )
    baseline_version_id = forms.ChoiceField(
        label="Compare with", required=False, help_text="Both versions score the same rows, so that people are paired."
    )

    member_version_ids = forms.MultipleChoiceField(
        label="Combine with",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 5}),
        help_text=f"Up to {services.MOST_MEMBERS} more versions answer the same rows: each alone, all together by "
        "mean, vote and cascade, and what each adds.",
    )
    sure = forms.FloatField(
        label="A member of the cascade answers from this probability",
        required=False,
        min_value=0.5,
        max_value=1,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": services.SURE}),
    )
    part = forms.ChoiceField(label="Rows", required=False, choices=PARTS)
    weight_column = forms.ChoiceField(label="Rows count", required=False)
    query_column = forms.ChoiceField(label="Rows are ranked together by", required=False)
    controls = forms.MultipleChoiceField(
        label="Compare like with like, within the groups of",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="A gap that is gone within each group was a gap between these groups.",
    )
    triples = forms.MultipleChoiceField(
        label="Crossings of three",
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
        help_text=f"At most {services.MOST_TRIPLES}. Groups get small: many will hold too few rows for a verdict.",
    )
    sensitivities = forms.TypedMultipleChoiceField(
        label="Specificity where so many of the positives are found",
        required=False,
        coerce=float,
        choices=[(str(one), f"{100 * one:g} %") for one in SENSITIVITIES],
        widget=forms.CheckboxSelectMultiple,
    )
    top_k = forms.TypedMultipleChoiceField(
        label="Is the class among the first",
        required=False,
        coerce=int,
        choices=[(str(one), str(one)) for one in FIRST],
        widget=forms.CheckboxSelectMultiple,
    )

    priority = forms.ChoiceField(label="Priority", required=False, help_text="Which waiting jobs it starts before.")

    target_id = forms.TypedChoiceField(label="Runs on", required=False, coerce=uuid.UUID, empty_value=None)

    def __init__(self, *args: Any, actor: Actor, version: ModelVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        levels = priority_choices(actor, version.team_id, "evaluate") if version is not None else []
        self.choose("priority", levels)
        self.fields["priority"].initial = "normal"
        chosen = [(str(version.pk), str(version))] if version is not None else _version_choices(actor)
        self.choose("model_version_id", chosen)
        usual = (
            "The table that its answers are in" if _is_brought(version) else "The data that the version was trained on"
        )
        self.choose("dataset_version_id", [("", usual), *_data(actor, version)])
        others = _others(actor, version)
        self.choose("baseline_version_id", [("", _default_baseline(actor, version)), *others])
        self.choose("member_version_ids", others)
        self._row_columns(version)
        targets = compute.target_choices(version.team_id) if version is not None else []
        if len(targets) > 1:
            self.choose("target_id", [(str(one.pk), compute.target_words(one)) for one in targets])
        else:
            del self.fields["target_id"]
        problem = version.model.problem if version is not None else None
        self.agreed = problems.version_current(problem) if problem is not None else None
        names = [segment.name for segment in problems.segment_specs(self.agreed)] if self.agreed is not None else []
        self.choose("controls", [(name, name) for name in names])
        self.choose("triples", [(BETWEEN.join(one), ", ".join(one)) for one in services.triples_of(names)])
        task = version.task if version is not None else ""
        for name, needed in (("sensitivities", BINARY), ("top_k", MULTICLASS)):
            if task != needed:
                del self.fields[name]
        if not others:
            del self.fields["member_version_ids"]
        if task not in (BINARY, MULTICLASS) or not others:
            del self.fields["sure"]
        for name, least in (("controls", 2), ("triples", 3)):
            if len(names) < least:
                del self.fields[name]

    def _row_columns(self, version: ModelVersion | None) -> None:
        """Offer the columns of the data that the version was trained or brought on."""
        data = services.usual_data(version) if version is not None else None
        ranking = version is not None and version.task == RANKING
        self.choose("weight_column", weight_choices(data))
        self.choose("query_column", query_choices(data))
        self.initial.setdefault("weight_column", role_column(data, ColumnRole.WEIGHT))
        self.initial.setdefault("query_column", role_column(data, ColumnRole.QUERY))
        del self.fields["weight_column" if ranking else "query_column"]

    def row_columns(self) -> services.RowColumns:
        """How rows count and belong together, once the form is valid."""
        return services.RowColumns(
            self.cleaned_data.get("weight_column", ""), self.cleaned_data.get("query_column", "")
        )

    @property
    def more(self) -> list[Any]:
        """The fields of what is measured beyond the usual, as far as the problem has any use for them."""
        return [self[name] for name in ("weight_column", *services.EXTRAS) if name in self.fields]

    @property
    def together(self) -> list[Any]:
        """The fields of further versions that answer the same rows."""
        return [self[name] for name in ("member_version_ids", "sure") if name in self.fields]

    @property
    def together_open(self) -> bool:
        """Was a further version chosen, or something of it wrong?"""
        return self.is_bound and any(one.errors or one.value() for one in self.together)

    @property
    def more_open(self) -> bool:
        """Was something of it chosen, or wrong?"""
        return self.is_bound and any(one.errors or one.value() for one in self.more)

    def extras(self) -> services.Extras:
        """What was asked beyond the usual, once the form is valid."""
        asked = {name: self.cleaned_data.get(name) for name in services.EXTRAS}
        asked["triples"] = [one.split(BETWEEN) for one in asked["triples"] or ()]
        return services.Extras.of(asked)

    def company(self) -> services.Company:
        """Which further versions answer too, once the form is valid; the older ones first."""
        ids = [uuid.UUID(one) for one in self.cleaned_data.get("member_version_ids") or ()]
        return services.Company.of(sorted(ids), self.cleaned_data.get("sure"))

    def choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Set what a field offers."""
        field: Any = self.fields[name]
        field.choices = choices


def _is_brought(version: ModelVersion | None) -> bool:
    return version is not None and version.brought_on_id is not None


def _version_choices(actor: Actor) -> list[tuple[str, str]]:
    rows = registry.version_list(actor).filter(state="SEALED", model__problem__isnull=False).order_by("-id")
    return [(str(row.pk), str(row)) for row in rows[:MOST_CHOICES] if policies.evaluation_launch(actor, row.team_id)]


def _data(actor: Actor, version: ModelVersion | None) -> list[tuple[str, str]]:
    if version is None or version.model.problem is None:
        return []
    rows = datasets.dataset_version_list(actor).filter(dataset__problem=version.model.problem, state="SEALED")
    if version.brought_on_id is not None:
        rows = rows.filter(pk=version.brought_on_id)
    return [(str(row.pk), str(row)) for row in rows.order_by("-id")[:MOST_CHOICES]]


def _others(actor: Actor, version: ModelVersion | None) -> list[tuple[str, str]]:
    if version is None:
        return []
    rows = registry.version_list(actor, problem_id=version.model.problem_id).filter(state="SEALED", task=version.task)
    if version.brought_on_id is not None:
        rows = rows.filter(Q(brought_on=None) | Q(brought_on=version.brought_on_id))
    return [(str(row.pk), str(row)) for row in rows.exclude(pk=version.pk).order_by("-id")[:MOST_CHOICES]]


def _default_baseline(actor: Actor, version: ModelVersion | None) -> str:
    if version is None:
        return "The live version, else the trivial baseline"
    live = registry.live_version_of(version.model)
    found = services.baseline_for(actor, version, live)
    if found is None:
        return "Nothing: there is no live version and no trivial baseline"
    return f"{found}, {'live' if live is not None and live.pk == found.pk else 'the trivial baseline'}"


def _version_wanted(request: HttpRequest) -> ModelVersion | None:
    given = next(
        (
            value
            for name in ("model_version_id", "model_version", "version")
            if (value := request.POST.get(name) or request.GET.get(name))
        ),
        "",
    )
    if not given:
        return None
    try:
        return registry.model_version_get(request.actor, uuid.UUID(given))  # type: ignore[attr-defined]
    except ValueError:
        raise NotFound("There is no such version, or you may not see it.") from None


@page
@require_http_methods(["GET", "POST"])
def evaluation_launch(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST with `model_version_id` alone launches with the usual data and baseline."""
    actor = request.actor  # type: ignore[attr-defined]
    version = _version_wanted(request)
    status = 200
    if request.method == "POST" and version is not None:
        data = request.POST.copy()
        data["model_version_id"] = str(version.pk)
        form = LaunchForm(data, actor=actor, version=version)
        if not policies.evaluation_launch(actor, version.team_id):
            raise Forbidden("Launching an evaluation takes a data scientist's or operator's role in the team.")
        if form.is_valid():
            try:
                evaluation = services.evaluation_launch(
                    actor=actor,
                    model_version_id=version.pk,
                    dataset_version_id=_id(form.cleaned_data["dataset_version_id"]),
                    baseline_version_id=_id(form.cleaned_data["baseline_version_id"]),
                    part=form.cleaned_data["part"] or None,
                    extras=form.extras(),
                    company=form.company(),
                    row_columns=form.row_columns(),
                    priority=form.cleaned_data["priority"] or "normal",
                    target_id=form.cleaned_data.get("target_id"),
                )
            except FairwayError as error:
                _show(form, error)
            else:
                messages.success(request, f"Evaluation {evaluation.number} is queued as job {evaluation.job.number}.")
                return redirect("evaluation-detail", pk=evaluation.pk)
        status = 422
    else:
        form = LaunchForm(
            initial={"model_version_id": str(version.pk)} if version else None, actor=actor, version=version
        )
        if request.method == "POST":
            form = LaunchForm(request.POST, actor=actor, version=None)
            form.is_valid()
            status = 422
    context: dict[str, Any] = {"form": form, "version": version, "problem": version.model.problem if version else None}
    if version is not None and version.model.problem is not None:
        agreed = form.agreed
        query = urlencode({"team": version.team_id, "kind": "evaluate", "signature": "evaluate"})
        context["forecast_url"] = f"{reverse('job-forecast')}?{query}"
        context |= {"agreed": agreed, "segments": problems.segment_specs(agreed, in_force=True) if agreed else []}
    return render(request, "evaluations/evaluation_launch.html", {"nav_key": "problems", **context}, status=status)


def _id(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None


def _show(form: LaunchForm, error: FairwayError) -> None:
    if error.fields:
        for name, texts in error.fields.items():
            for text in texts:
                form.add_error(name if name in form.fields else None, text)
    else:
        form.add_error(None, error.detail)
    for item in error.items:
        form.add_error(None, str(item))
