"""Pages of deployments."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.core.errors import Conflict, FairwayError, NotFound, Unavailable
from apps.core.formats import num
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.deployments import policies, selectors, services
from apps.deployments.models import Deployment, Rollout
from apps.deployments.web.answers import answers_said
from apps.deployments.web.charts import latency_figure, traffic_rows, volume_figure
from apps.deployments.web.examples import calls, example_row
from apps.deployments.web.forms import TryForm
from apps.deployments.web.tables import DEPLOYMENTS

SHOWN = 20
BATCHES = 10
SWITCHES = {
    "rollback": (services.deployment_rollback, "Rolled back: the version before answers again."),
    "kill": (services.deployment_kill, "The live version answers no more."),
    "pause": (services.deployment_pause, "Paused: nobody answers until it is resumed."),
    "resume": (services.deployment_resume, "The gateway loads the version that was live last."),
    "retire": (services.deployment_retire, "Retired; its log and history stay."),
}


@page
@require_GET
def deployment_list(request: HttpRequest) -> HttpResponseBase:
    """All deployments that the actor may see."""
    rows = selectors.deployment_table(request.actor)  # type: ignore[attr-defined]
    table = DEPLOYMENTS.bind(request, rows)
    return table_response(request, table, "deployments/deployment_list.html", {"nav_key": "deployments"})


@page
@require_GET
def deployment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What answers, how well, since when, by whose decision; ask it; switch it."""
    return render(request, "deployments/deployment_detail.html", _context(request, pk))


def _context(request: HttpRequest, pk: uuid.UUID, form: TryForm | None = None) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    page = selectors.deployment_page(actor, pk, rollouts=SHOWN)
    deployment, live, loading, shown = page.deployment, page.live, page.loading, page.shown
    rollouts, retired = page.rollouts, deployment.state == Deployment.State.RETIRED
    targets = services.targets_of(deployment, known=rollouts if len(rollouts) < SHOWN else None)
    signature = shown.model_version.signature if shown else {}
    row = example_row(signature, page.grounds.typical if page.grounds else {})
    may_stop = policies.deployment_stop(actor, deployment)
    may_start = policies.deployment_repeat(actor, deployment) and not retired
    if form is None and live is not None and policies.predict(actor, deployment):
        form = TryForm(signature, row=row)
    return {
        "nav_key": "deployments",
        "deployment": deployment,
        "rollouts": rollouts,
        "live": live,
        "loading": loading,
        "failed": rollouts[0] if rollouts and rollouts[0].state == Rollout.State.FAILED else None,
        "decision": page.grounds if live else None,
        "host": page.host,
        "splits": page.splits,
        "form": form,
        "inputs": signature.get("inputs", []),
        "mask": set(deployment.mask),
        "calls": calls(deployment, signature, row) if shown and not retired else [],
        "fallback": targets.fallback if may_stop and live else None,
        "startable": _startable(rollouts, live, loading) if may_start else {},
        "may_stop": may_stop,
        "may_kill": policies.kill_switch(actor, deployment),
        "may_resume": may_stop and deployment.state == Deployment.State.PAUSED and any(r.live_at for r in rollouts),
        "menu": _menu(deployment, may_stop),
        "batches": list(selectors.batch_list(actor, deployment.pk).order_by("-id")[:BATCHES]),
        "may_score": policies.batch_score(actor, deployment) and live is not None and not retired,
        "changes": page.changes,
    }


def _startable(rollouts: list[Rollout], live: Rollout | None, loading: Rollout | None) -> dict[uuid.UUID, Rollout]:
    """{rollout id: rollout}: the newest of each approved version that neither answers nor loads."""
    busy = {row.model_version_id for row in (live, loading) if row}
    found: dict[uuid.UUID, Rollout] = {}
    for row in rollouts:
        version = row.model_version
        if row.model_version_id not in busy and row.request.state == "APPROVED" and version.state == "SEALED":
            busy.add(row.model_version_id)
            found[row.pk] = row
    return found


def _menu(deployment: Deployment, may_stop: bool) -> list[dict[str, Any]]:
    if not may_stop or deployment.state == Deployment.State.RETIRED:
        return []
    entries: list[dict[str, Any]] = []
    if deployment.state != Deployment.State.PAUSED:
        entries.append({"label": "Pause", "icon": "player-pause", "open": "pause"})
    entries.append({"label": "Retire", "icon": "archive", "open": "retire", "bad": True})
    return entries


@page
@require_GET
def deployment_traffic(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Figures and the newest predictions; asked again every few seconds by the page, 204 when nothing is new."""
    deployment = selectors.deployment_get(request.actor, pk)  # type: ignore[attr-defined]
    newest = selectors.predictions_newest(deployment)
    seen = str(newest[0][0].pk[1]) if newest else "none"
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    traffic = selectors.traffic_of(deployment)
    wrong = traffic.refused + traffic.failed
    refused_rows = f"{num(traffic.batch_refused)} refused" if traffic.batch_refused else ""

    def milliseconds(*values: float | None) -> str:
        known = [f"{value:.1f}" if value < 100 else num(round(value)) for value in values if value is not None]
        return f"{' / '.join(known)} ms" if known else "–"

    context = {
        "deployment": deployment,
        "traffic": traffic,
        "kpis": [
            {"label": "Requests, 24 h", "value": num(traffic.count)},
            {
                "label": "Refused or failed",
                "value": f"{num(traffic.refused)} / {num(traffic.failed)}",
                "small": f"{100 * wrong / traffic.count:.1f} %" if wrong else "",
                "tone": "bad" if traffic.failed else "",
            },
            {"label": "Median latency", "value": milliseconds(traffic.p50)},
            *(
                [{"label": "Rows of batch scores", "value": num(traffic.batch), "small": refused_rows}]
                if traffic.batch or traffic.batch_refused
                else []
            ),
            {"label": "95th / 99th", "value": milliseconds(traffic.p95, traffic.p99)},
        ],
        "volume": volume_figure(traffic),
        "latency": latency_figure(traffic),
        "columns": [
            "Half hour from (UTC)",
            "Requests",
            "Refused or failed",
            "Batch rows",
            "Median, ms",
            "95th percentile, ms",
        ],
        "rows": traffic_rows(traffic),
        "predictions": newest,
        "any": traffic.count or traffic.batch or traffic.batch_refused,
        "seen": seen,
    }
    return render(request, "deployments/_traffic.html", context)


@page
@require_POST
def deployment_try(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the live version with one row."""
    actor = request.actor  # type: ignore[attr-defined]
    deployment = selectors.deployment_get(actor, pk)
    live = selectors.live_rollout(deployment)
    if live is None:
        raise Conflict("Nothing is live, so there is nothing to ask.", code="nothing_live")
    form = TryForm(live.model_version.signature, request.POST)
    answer = None
    if form.is_valid():
        try:
            answer = services.prediction_ask(actor=actor, deployment_id=pk, record=form.record())
        except Unavailable as error:
            form.add_error(None, error.detail)
        else:
            form.take_errors(answer.errors)
    said = answers_said(answer.body, live.model_version) if answer is not None and answer.ok else []
    context = {"deployment": deployment, "form": form, "answer": answer, "said": said, "live": live}
    status = 200 if answer is not None and answer.ok else 422
    if request.headers.get("HX-Request"):
        return render(request, "deployments/_try.html", context, status=status)
    return render(
        request, "deployments/deployment_detail.html", {**_context(request, pk, form), **context}, status=status
    )


@page
@require_POST
def deployment_switch(request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Roll back, kill, pause, resume, retire; each with a reason."""
    actor = request.actor  # type: ignore[attr-defined]
    selectors.deployment_get(actor, pk)
    service, done = SWITCHES[verb]
    try:
        service(actor=actor, deployment_id=pk, reason=request.POST.get("reason", ""))
    except FairwayError as error:
        if error.status in (403, 404):
            raise
        messages.error(request, error.detail)
    else:
        messages.success(request, done)
    return redirect(reverse("deployment-detail", args=[pk]))


@page
@require_POST
def deployment_start(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Load an approved version again; it takes over when it is ready."""
    actor = request.actor  # type: ignore[attr-defined]
    selectors.deployment_get(actor, pk)
    try:
        rollout = services.deployment_request(actor=actor, request_id=_uuid(request.POST.get("request_id", "")))
    except Conflict as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"Version {rollout.model_version.number} is loaded; it takes over when it is ready.")
    return redirect("deployment-detail", pk=pk)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound("There is no such request.") from error


@page
@require_POST
def deployment_mask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Name the inputs that are never stored."""
    services.mask_save(
        actor=request.actor,  # type: ignore[attr-defined]
        deployment_id=pk,
        mask=request.POST.getlist("mask"),
    )
    messages.success(request, "Saved: the gateway masks these inputs from now on.")
    return redirect("deployment-detail", pk=pk)
