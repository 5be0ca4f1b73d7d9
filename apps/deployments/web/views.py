"""Pages of deployments."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.core.errors import FairwayError
from apps.core.formats import num
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.deployments import policies, selectors, services
from apps.deployments.models import Deployment, Rollout
from apps.deployments.web.charts import latency_figure, traffic_rows, volume_figure
from apps.deployments.web.forms import TryForm
from apps.deployments.web.tables import DEPLOYMENTS

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
    deployment = selectors.deployment_get(request.actor, pk)  # type: ignore[attr-defined]
    return render(request, "deployments/deployment_detail.html", _context(request, deployment))


def _context(request: HttpRequest, deployment: Deployment, form: TryForm | None = None) -> dict[str, Any]:
    actor = request.actor  # type: ignore[attr-defined]
    rollouts = list(selectors.rollout_list(deployment)[:20])
    live = next((r for r in rollouts if r.state == Rollout.State.LIVE), None)
    loading = next((r for r in rollouts if r.state == Rollout.State.LOADING), None)
    answering = live or loading
    signature = answering.model_version.signature if answering else {}
    may_stop = policies.deployment_stop(actor, deployment)
    fallback = services.fallback_of(deployment) if may_stop else None
    baseline = services.baseline_of(deployment) if policies.kill_switch(actor, deployment) else None
    running = deployment.state in ("READY", "DEGRADED", "PROVISIONING")
    return {
        "nav_key": "deployments",
        "deployment": deployment,
        "rollouts": rollouts,
        "live": live,
        "loading": loading,
        "failed": rollouts[0] if rollouts and rollouts[0].state == Rollout.State.FAILED else None,
        "decision": selectors.decision_of(live) if live else None,
        "host": selectors.host_report(live.model_version_id) if live else None,
        "splits": selectors.split_list(deployment),
        "form": form or (TryForm(signature) if live and policies.predict(actor, deployment) else None),
        "inputs": signature.get("inputs", []),
        "mask": set(deployment.mask),
        "calls": _calls(deployment, signature),
        "fallback": fallback,
        "baseline": baseline,
        "may_stop": may_stop,
        "may_kill": policies.kill_switch(actor, deployment) and running and live is not None,
        "running": running,
        "menu": _menu(deployment, may_stop),
        "after": selectors.change_count(deployment.pk),
    }


def _menu(deployment: Deployment, may_stop: bool) -> list[dict[str, Any]]:
    if not may_stop or deployment.state == Deployment.State.RETIRED:
        return []
    entries: list[dict[str, Any]] = []
    if deployment.state == Deployment.State.PAUSED:
        entries.append({"label": "Retire", "icon": "archive", "open": "retire", "bad": True})
    else:
        entries.append({"label": "Pause", "icon": "player-pause", "open": "pause"})
        entries.append({"label": "Retire", "icon": "archive", "open": "retire", "bad": True})
    return entries


def _example(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the right types: first level of a category, else a plain value."""
    row: dict[str, Any] = {}
    for tensor in inputs:
        kind, levels = tensor.get("datatype", ""), tensor.get("levels")
        if kind.startswith(("INT", "UINT")):
            row[tensor["name"]] = int(tensor.get("example") or 1)
        elif kind.startswith("FP"):
            row[tensor["name"]] = float(tensor.get("example") or 1.0)
        elif kind == "BOOL":
            row[tensor["name"]] = True
        else:
            row[tensor["name"]] = levels[0] if levels else "text"
    return row


def _calls(deployment: Deployment, signature: dict[str, Any]) -> dict[str, str]:
    inputs = signature.get("inputs", [])
    row = _example(inputs)
    v2 = {
        "inputs": [
            {"name": t["name"], "datatype": t["datatype"], "shape": [1], "data": [row[t["name"]]]} for t in inputs
        ]
    }
    base = settings.GATEWAY_URL
    address = f"{base}/{deployment.name}/invocations"
    body = json.dumps({"dataframe_records": [row]})
    return {
        "curl": (
            f"curl {address} \\\n  -H 'Authorization: Bearer '\"$FAIRWAY_TOKEN\" \\\n"
            f"  -H 'Content-Type: application/json' \\\n  -d '{body}'"
        ),
        "v2": (
            f"curl {base}/v2/models/{deployment.name}/infer \\\n  -H 'Authorization: Bearer '\"$FAIRWAY_TOKEN\" \\\n"
            f"  -H 'Content-Type: application/json' \\\n  -d '{json.dumps(v2)}'"
        ),
        "python": (
            "import os, requests\n\n"
            f'answer = requests.post(\n    "{address}",\n'
            '    headers={"Authorization": f"Bearer {os.environ[\'FAIRWAY_TOKEN\']}"},\n'
            f"    json={{'dataframe_records': [{row!r}]}},\n    timeout=10,\n)\n"
            "answer.raise_for_status()\nprint(answer.json()['predictions'][0])"
        ),
    }


@page
@require_GET
def deployment_traffic(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Figures and the newest predictions; asked again every few seconds by the page."""
    deployment = selectors.deployment_get(request.actor, pk)  # type: ignore[attr-defined]
    traffic = selectors.traffic_of(deployment)
    share = f"{100 * (traffic.refused + traffic.failed) / traffic.count:.1f} % of them" if traffic.count else ""
    none = "–"

    def milliseconds(value: float | None) -> str:
        return f"{num(value)} ms" if value is not None else none

    context = {
        "deployment": deployment,
        "traffic": traffic,
        "kpis": [
            {"label": "Requests, 24 h", "value": num(traffic.count)},
            {
                "label": "Refused or failed",
                "value": f"{num(traffic.refused)} / {num(traffic.failed)}",
                "small": share,
                "tone": "bad" if traffic.failed else "",
            },
            {"label": "Median latency", "value": milliseconds(traffic.p50)},
            {"label": "95th / 99th", "value": f"{milliseconds(traffic.p95)} / {milliseconds(traffic.p99)}"},
        ],
        "volume": volume_figure(traffic),
        "latency": latency_figure(traffic),
        "columns": ["Half hour from", "Requests", "Refused or failed", "Median, ms", "95th percentile, ms"],
        "rows": traffic_rows(traffic),
        "predictions": selectors.predictions_newest(deployment),
        "numbers": selectors.version_numbers(deployment),
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
        messages.error(request, "Nothing is live, so there is nothing to ask.")
        return redirect("deployment-detail", pk=pk)
    form = TryForm(live.model_version.signature, request.POST)
    answer = None
    if form.is_valid():
        answer = services.prediction_ask(actor=actor, deployment_id=pk, record=form.record())
        if not answer.ok:
            form.take_errors(answer.errors)
    context = {"deployment": deployment, "form": form, "answer": answer, "live": live}
    status = 200 if answer is not None and answer.ok else 422
    if request.headers.get("HX-Request"):
        return render(request, "deployments/_try.html", context, status=200)
    return render(
        request, "deployments/deployment_detail.html", {**_context(request, deployment, form), **context}, status=status
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
def deployment_mask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Name the inputs that are never stored."""
    services.mask_save(
        actor=request.actor,  # type: ignore[attr-defined]
        deployment_id=pk,
        mask=request.POST.getlist("mask"),
    )
    messages.success(request, "Saved: the gateway masks these inputs from now on.")
    return redirect("deployment-detail", pk=pk)
