"""Scoring a table from a deployment's page, and the page of a batch score."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.compute import selectors as compute
from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.files import file_response
from apps.core.policies import require, who_can
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.deployments import policies, selectors, services
from apps.deployments.models import BatchScore
from apps.deployments.web.charts import score_figure, score_rows
from apps.jobs.policies import priority_choices

if TYPE_CHECKING:
    from apps.deployments.models import Deployment

MOST_CHOICES = 200


class ScoreForm(forms.Form):
    """Which table, where and how soon."""

    key = forms.UUIDField(widget=forms.HiddenInput, required=False)
    model_version_id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    dataset_version_id = forms.TypedChoiceField(
        label="Data",
        coerce=uuid.UUID,
        help_text="A sealed table of the team with the columns that the version reads; others are left aside.",
    )
    priority = forms.ChoiceField(label="Priority", required=False, help_text="Which waiting jobs it starts before.")
    target_id = forms.TypedChoiceField(label="Runs on", required=False, coerce=uuid.UUID, empty_value=None)

    def __init__(self, *args: Any, actor: Actor, deployment: Deployment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = datasets.dataset_version_list(actor).filter(team_id=deployment.team_id, state="SEALED", purged_at=None)
        # The tables of the question first: they have its columns.
        found = sorted(
            rows.defer("profile", "schema")[:MOST_CHOICES],
            key=lambda row: row.dataset.problem_id != deployment.problem_id,
        )
        self._choose("dataset_version_id", [(str(row.pk), str(row)) for row in found])
        self._choose("priority", priority_choices(actor, deployment.team_id, "score"))
        self.fields["priority"].initial = "normal"
        targets = compute.target_choices(deployment.team_id)
        if len(targets) > 1:
            self._choose("target_id", [(str(one.pk), compute.target_words(one)) for one in targets])
        else:
            del self.fields["target_id"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def take(self, error: FairwayError) -> None:
        """Put a refusal at its fields."""
        for name, texts in error.fields.items():
            for text in texts:
                self.add_error(name if name in self.fields else None, text)
        if not error.fields:
            self.add_error(None, error.detail)


@page
@require_http_methods(["GET", "POST"])
def deployment_score(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """GET: the form. POST: have the table scored; the same form sent twice is one batch score."""
    actor = request.actor  # type: ignore[attr-defined]
    deployment = selectors.deployment_get(actor, pk)
    require(
        policies.batch_score(actor, deployment),
        f"Scoring a table takes the right “job.run” in the team: {who_can('job.run')} has it.",
    )
    live = selectors.live_rollout(deployment)
    status = 200
    if request.method == "POST":
        form = ScoreForm(request.POST, actor=actor, deployment=deployment)
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                batch = services.batch_score_launch(
                    actor=actor,
                    deployment_id=pk,
                    dataset_version_id=data["dataset_version_id"],
                    model_version_id=data["model_version_id"],
                    priority=data["priority"] or "normal",
                    target_id=data.get("target_id"),
                    idempotency_key=f"form:{data['key'] or uuid.uuid4()}",
                )
            except FairwayError as error:
                if error.status in (403, 404):
                    raise
                form.take(error)
            else:
                messages.success(request, f"Batch score {batch.number} is queued as job {batch.job.number}.")
                return redirect("batch-detail", pk=batch.pk)
    else:
        initial = {"key": uuid.uuid4(), "model_version_id": live.model_version_id if live else None}
        form = ScoreForm(
            initial={**initial, "dataset_version_id": request.GET.get("data", "")}, actor=actor, deployment=deployment
        )
    query = urlencode({"team": deployment.team_id, "kind": "score", "signature": "score"})
    context = {
        "nav_key": "deployments",
        "deployment": deployment,
        "live": live,
        "form": form,
        "forecast_url": f"{reverse('job-forecast')}?{query}",
        "why": f"A version scores tables once it is approved ({who_can('approval.decide')}) and answers here.",
    }
    return render(request, "deployments/score.html", context, status=status)


@page
@require_GET
def batch_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What came of a batch score: rows, distribution, refusals, files, where it comes from."""
    actor = request.actor  # type: ignore[attr-defined]
    batch = selectors.batch_get(actor, pk)
    context: dict[str, Any] = {
        "nav_key": "deployments",
        "batch": batch,
        "may_have": policies.batch_rows(actor, batch.deployment),
        "may_score": policies.batch_score(actor, batch.deployment),
    }
    if batch.state == BatchScore.State.COMPLETE and batch.result:
        context |= {
            "result": batch.result,
            "figure": score_figure(batch.result),
            "columns": [batch.result["of"] or "Class", "Rows", "Share"],
            "rows": score_rows(batch.result),
        }
    return render(request, "deployments/batch_detail.html", context)


@page
@require_GET
def batch_file(request: HttpRequest, pk: uuid.UUID, kind: str) -> FileResponse:
    """What each row was answered, as an attachment."""
    actor = request.actor  # type: ignore[attr-defined]
    batch = selectors.batch_get(actor, pk)
    sha256, size = selectors.batch_file(actor, batch, kind)
    return file_response(sha256=sha256, size=size, name=batch.filename(kind))
