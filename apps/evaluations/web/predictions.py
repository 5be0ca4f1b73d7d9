"""Judging predictions made elsewhere: which columns of a table are whose answers, compared with what."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING
from apps.compute import selectors as compute
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import FairwayError, Forbidden, NotFound
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.datasets.contracts import ColumnRole
from apps.evaluations import policies, selectors, services
from apps.evaluations.web.launch import PARTS
from apps.evaluations.web.row_columns import query_choices, role_column, weight_choices
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.registry import services as registry_services

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import ProblemVersion

MOST_CHOICES = 200
WHO = "Judging predictions takes a data scientist's role in the team: it runs a job and registers a version."
_COLUMN = {
    "BINARY": ("Column with the scores", "The probability of the positive label, from 0 to 1."),
    "MULTICLASS": ("Column with the predicted label", "Not needed where there is a score column for each label."),
    "RANKING": ("Column with the scores", "Any number: within a query, the highest comes first."),
    "REGRESSION": ("Column with the predicted number", "In the unit of the target."),
}
# The fields of the service by those of the form.
_FIELDS = {"baseline_version_id": "against"}


class JudgeForm(forms.Form):
    """The outside model, where its answers are, which rows, and what it is compared with."""

    name = forms.CharField(
        label="Name of the outside model",
        max_length=256,
        help_text="One that predictions were brought of before gets another version; a new name makes a model.",
        widget=forms.TextInput(attrs={"list": "model-names", "autocomplete": "off"}),
    )
    column = forms.ChoiceField(required=False)
    score_prefix = forms.CharField(
        label="Score columns begin with",
        required=False,
        max_length=200,
        strip=False,
        help_text="Such as “p_” where “p_setosa” holds the probability of setosa; there is one for each label.",
    )
    threshold = forms.FloatField(label="Threshold", required=False, min_value=0, max_value=1)
    part = forms.ChoiceField(label="Rows", choices=PARTS)
    against = forms.ChoiceField(
        label="Compare with",
        required=False,
        help_text="Versions that were brought for these rows, and models whose columns are all in the table. A model "
        "that has learnt from these rows looks better than it is.",
    )
    weight_column = forms.ChoiceField(label="Rows count", required=False)
    query_column = forms.ChoiceField(
        label="Rows are ranked together by",
        help_text="The column that names the query, the list or the person of a row.",
    )
    baseline_name = forms.CharField(
        label="Name of the other model",
        required=False,
        max_length=256,
        widget=forms.TextInput(attrs={"list": "model-names", "autocomplete": "off"}),
    )
    baseline_column = forms.ChoiceField(required=False)
    baseline_score_prefix = forms.CharField(
        label="Its score columns begin with", required=False, max_length=200, strip=False
    )
    baseline_threshold = forms.FloatField(label="Its threshold", required=False, min_value=0, max_value=1)

    target_id = forms.TypedChoiceField(label="Runs on", required=False, coerce=uuid.UUID, empty_value=None)

    def __init__(
        self,
        *args: Any,
        agreed: ProblemVersion,
        offers: list[selectors.Offer],
        against: list[tuple[str, str]],
        table: DatasetVersion,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        fields: dict[str, Any] = self.fields
        many, (label, text) = agreed.task == MULTICLASS, _COLUMN[agreed.task]
        named = [(one.name, f"{one.name} ({one.values})" if one.values else one.name) for one in offers]
        fields["column"].label, fields["column"].help_text = label, text
        fields["column"].choices = [("", "None"), *named] if many else named
        fields["column"].required = not many
        fields["baseline_column"].label = f"Its {label[:1].lower()}{label[1:]}"
        fields["baseline_column"].choices = [("", "None"), *named]
        fields["against"].choices = [("", "Nothing"), *against]
        targets = compute.target_choices(table.team_id)
        fields["target_id"].choices = [(str(one.pk), compute.target_words(one)) for one in targets]
        if len(targets) < 2:
            del fields["target_id"]
        fields["weight_column"].choices = weight_choices(table)
        fields["query_column"].choices = query_choices(table)
        del fields["weight_column" if agreed.task == RANKING else "query_column"]
        if not many:
            del fields["score_prefix"], fields["baseline_score_prefix"]
        if agreed.task != BINARY:
            del fields["threshold"], fields["baseline_threshold"]
        else:
            usual = problems.threshold_of(agreed)
            told = f"{formats.num(usual)}, which follows from the costs of errors" if usual is not None else "0.5"
            fields["threshold"].help_text = f"From this score on the positive label is said. Left empty: {told}."

    def brought(self, begin: str = "") -> registry_services.Brought:
        """What is said of the predictions, or with “baseline_” of those beside them."""
        given = self.cleaned_data
        return registry_services.Brought(
            name=given[f"{begin}name"],
            column=given[f"{begin}column"],
            score_prefix=given.get(f"{begin}score_prefix", ""),
            threshold=given.get(f"{begin}threshold"),
        )

    def row_columns(self) -> services.RowColumns:
        """How rows count and belong together."""
        return services.RowColumns(
            self.cleaned_data.get("weight_column", ""), self.cleaned_data.get("query_column", "")
        )

    def compared(self) -> services.Against:
        """The version that was chosen, the other columns that were named, or neither."""
        given = self.cleaned_data
        named = any(given.get(f"baseline_{name}") not in (None, "") for name in ("name", "column", "score_prefix"))
        return services.Against(
            brought=self.brought("baseline_") if named else None,
            version_id=uuid.UUID(given["against"]) if given["against"] else None,
        )

    def refused(self, refusal: FairwayError) -> None:
        """Put what a service says at the fields."""
        for name, texts in (refusal.fields or {"": [refusal.detail]}).items():
            field = _FIELDS.get(name, name.replace("baseline.", "baseline_"))
            for text in texts:
                self.add_error(field if field in self.fields else None, text)

    @property
    def beside(self) -> bool:
        """Whether the fields of other columns are to be seen at once."""
        return any(name.startswith("baseline_") and self[name].value() not in (None, "") for name in self.fields)


def _data_wanted(request: HttpRequest) -> DatasetVersion | None:
    given = request.POST.get("data") or request.GET.get("data")
    if not given:
        return None
    try:
        return datasets.dataset_version_get(request.actor, uuid.UUID(given))  # type: ignore[attr-defined]
    except ValueError:
        raise NotFound("There is no such dataset version, or you may not see it.") from None


def _choose(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Which table: the sealed versions of a problem's datasets."""
    rows = datasets.dataset_version_list(actor).filter(
        state="SEALED", purged_at=None, dataset__problem__isnull=False, dataset__archived_at=None
    )
    rows = rows.defer("profile", "schema", "manifest")[:MOST_CHOICES]
    tables = [(row.pk, str(row)) for row in rows if policies.predictions_judge(actor, row.team_id)]
    return render(request, "evaluations/predictions_choose.html", {"nav_key": "problems", "tables": tables})


@page
@require_http_methods(["GET", "HEAD", "POST"])
def predictions_judge(request: HttpRequest) -> HttpResponse:
    """GET: the form, filled so that a usual table needs one click. POST registers the answers and queues the job."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    data = _data_wanted(request)
    if data is None:
        return _choose(request, actor)
    may = policies.predictions_judge(actor, data.team_id)
    if request.method == "POST" and not may:
        raise Forbidden(WHO)
    problem, obstacle = data.dataset.problem, selectors.judge_obstacle(data)
    agreed = problems.version_current(problem) if problem is not None else None
    context: dict[str, Any] = {"nav_key": "problems", "data": data, "problem": problem, "may": may, "who": WHO}
    if problem is None or agreed is None or obstacle:
        status = 409 if request.method == "POST" else 200
        return render(request, "evaluations/predictions_judge.html", context | {"obstacle": obstacle}, status=status)
    offers = selectors.answer_offers(data, agreed)
    versions, live = selectors.against_list(actor, data, problem, agreed.task)
    names = registry.brought_list(actor, problem.pk).order_by("-id").values_list("model__name", flat=True)
    known = list(dict.fromkeys(names[:MOST_CHOICES]))
    usual = known[0] if known else registry_services.model_name_fit(f"{problem.name}, made elsewhere")
    form = JudgeForm(
        request.POST if request.method == "POST" else None,
        agreed=agreed,
        table=data,
        offers=offers,
        against=[(str(one.pk), f"{one}, live" if one.pk == live else str(one)) for one in versions],
        initial={"name": usual, "against": str(live or ""), "score_prefix": selectors.prefix_offer(data, agreed)}
        | {"weight_column": role_column(data, ColumnRole.WEIGHT), "query_column": role_column(data, ColumnRole.QUERY)}
        | ({"column": offers[0].name} if offers and offers[0].fits else {}),
    )
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                evaluation = services.predictions_judge(
                    actor=actor,
                    dataset_version_id=data.pk,
                    brought=form.brought(),
                    against=form.compared(),
                    target_id=form.cleaned_data.get("target_id"),
                    part=form.cleaned_data["part"],
                    row_columns=form.row_columns(),
                )
            except FairwayError as refusal:
                if refusal.status not in (400, 409):
                    raise
                form.refused(refusal)
            else:
                messages.success(request, f"Evaluation {evaluation.number} is queued as job {evaluation.job.number}.")
                return redirect("evaluation-detail", pk=evaluation.pk)
        status = 422
    context |= {
        "form": form,
        "names": known,
        "agreed": agreed,
        "segments": problems.segment_specs(agreed, in_force=True),
    }
    return render(request, "evaluations/predictions_judge.html", context, status=status)
