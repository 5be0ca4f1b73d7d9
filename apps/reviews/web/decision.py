"""The decision page: verdict, people, gates, evidence, and the two buttons."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Report
from apps.accounts import policies as account_policies
from apps.core.errors import Conflict, Invalid
from apps.core.policies import who_can
from apps.core.web.views import page
from apps.evaluations import selectors as evaluations
from apps.gates import selectors as gates
from apps.registry import selectors as registry
from apps.reviews import policies, selectors, services
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.web.forms import DecisionForm, MessageForm, error_show

State = ApprovalRequest.State


@page
@require_GET
def review_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One request, as far as it has come."""
    row = selectors.request_get(request.actor, pk)  # type: ignore[attr-defined]
    return decision_page(request, row)


def decision_page(
    request: HttpRequest,
    row: ApprovalRequest,
    *,
    form: DecisionForm | None = None,
    message_form: MessageForm | None = None,
    confirming: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The page of a request; `form` brings back what was typed, `confirming` asks for the override a second time."""
    actor = request.actor  # type: ignore[attr-defined]
    evaluation, version = row.evaluation, row.model_version
    report = evaluations.report_of(evaluation)
    shown = gates.gate_list(evaluation)
    summary = gates.summary_of(shown)
    live = registry.live_version_of(version.model)
    speech = evaluations.speech_of(evaluation, report, live=live)
    verdict = evaluations.verdict_of(evaluation, report, speech=speech, focus=gates.gate_focus(shown))
    fresh = None
    if row.state in (State.OPEN, State.STALE, State.EXPIRED, State.APPROVED):
        fresh = selectors.freshness(row, gate_rows=shown, live_id=live.pk if live is not None else None)
    decisions = selectors.decision_list(row) if row.state != State.OPEN else []
    metric = metric_get(evaluations.harm_metric(report, verdict))
    harm: dict[str, Any] = {"harm_groups": []}
    if report.has_baseline:
        compared = "live" if speech.baseline.startswith("live") else "before"
        found = evaluations.harm_groups(report, metric.name, compared=compared)
        margin = evaluations.margins_of(gate.objective for gate in shown if gate.objective is not None).get(metric.name)
        harm = evaluations.harm_shown(found, metric, speech, partial(_group_url, evaluation.pk), margin=margin)
    expired = row.state == State.EXPIRED or (row.state == State.OPEN and selectors.due_passed(row))
    can_decide = row.state == State.OPEN and not expired and policies.request_decide(actor, row)
    context = {
        "nav_key": "reviews",
        "request_row": row,
        "version": version,
        "evaluation": evaluation,
        "data": evaluation.dataset_version,
        "live": live if live is None or live.pk != version.pk else None,
        "is_live": live is not None and live.pk == version.pk,
        "speech": speech,
        "verdict": verdict,
        "kpis": evaluations.kpis_of(report, speech),
        **harm,
        **gates.gates_shown(shown),
        **evaluations.behaviour_beside(evaluation, speech),
        "changes": _changes(row, fresh, decisions),
        "decision": next((one for one in decisions if one.vote != Decision.Vote.WITHDRAW), None),
        "withdrawal": next((one for one in decisions if one.vote == Decision.Vote.WITHDRAW), None),
        "talk": selectors.message_list(row),
        "can_decide": can_decide,
        "weak": can_decide and not account_policies.decide_strength_ok(actor, row.team),
        "conflict": policies.conflict_of_duty(actor, row),
        "holds_right": actor.can("approval.decide", row.team_id),
        "who_can": who_can("approval.decide"),
        "deciders": [] if can_decide or row.state != State.OPEN else selectors.decider_names(row),
        "can_withdraw_request": row.state in (State.OPEN, State.STALE) and policies.request_withdraw(actor, row),
        "expired": expired,
        "can_renew": row.state in services.RENEWABLE_STATES and policies.request_send(actor, row.team_id),
        "can_withdraw_approval": row.state == State.APPROVED
        and actor.is_person
        and actor.can("approval.decide", row.team_id),
        "can_talk": policies.message_add(actor, row),
        "form": form or DecisionForm(initial={"evidence_digest": row.evidence_digest}),
        "message_form": message_form or MessageForm(),
        "points_to": "REFUSE" if summary.blocking or not summary.total else "APPROVE",
        "phrase": services.override_phrase(row),
        "confirming": confirming,
        "unknown": _unknown(row, report),
        "seen": {"state": row.state},
    }
    context["seen"]["talk"] = str(len(context["talk"]))
    return render(request, "reviews/review_detail.html", context, status=status)


def _group_url(pk: uuid.UUID, key: str) -> str:
    return f"{reverse('evaluation-group', args=[pk])}?{urlencode({'key': key})}"


def _changes(row: ApprovalRequest, fresh: selectors.Freshness | None, decisions: list[Decision]) -> list[str]:
    if fresh is not None and fresh.changes:
        return fresh.changes
    return ["the evidence changed and changed back"] if row.state == State.STALE else []


def _unknown(row: ApprovalRequest, report: Report) -> list[str]:
    """What these rows cannot tell, in sentences."""
    agreed = row.evaluation.problem_version
    single = [group for group in report.groups if group.level == 1]
    hidden = [group.label for group in single if group.suppressed or group.thin]
    crossings = [group for group in report.groups if group.level == 2]
    lines = []
    if hidden:
        lines.append(f"Nothing is proven of {', '.join(hidden)}: too few rows.")
    blind = sum(1 for group in crossings if group.suppressed or group.thin)
    if blind:
        lines.append(
            f"{blind} of {len(crossings)} crossings of two segments have too few rows, or are hidden to protect people."
        )
    if agreed.label_delay_days:
        days = agreed.label_delay_days
        lines.append(f"What comes true is known only after {days} day{'s' if days != 1 else ''}.")
    lines.append(
        f"Right means: as the record says in “{agreed.target}”. "
        "Agreement with the record is no proof of a right decision."
    )
    return lines


@page
@require_POST
def review_decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Approve or refuse; a blocked approval asks a second time, a lost race shows the outcome."""
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.request_get(actor, pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return decision_page(request, row, form=form, status=422)
    try:
        decision = services.review_decide(actor=actor, request_id=pk, **form.cleaned_data)
    except Invalid as error:
        confirming = "override_confirmation" in error.fields
        if not confirming or form.cleaned_data["override_confirmation"]:
            error_show(form, error)
        return decision_page(request, row, form=form, confirming=confirming, status=422)
    except Conflict as error:
        return _conflict(request, pk, form, error)
    if decision.vote == Decision.Vote.APPROVE:
        text = f"Approved. Version {row.model_version.number} is on its way to {row.environment}."
    else:
        text = f"Refused. {row.requested_by} reads your reason."
    messages.success(request, text)
    return redirect("review-detail", pk=pk)


def _conflict(request: HttpRequest, pk: uuid.UUID, form: DecisionForm, error: Conflict) -> HttpResponse:
    row = selectors.request_get(request.actor, pk)  # type: ignore[attr-defined]
    context = {
        "nav_key": "reviews",
        "request_row": row,
        "error": error,
        "decision": selectors.decision_of(row),
        "your_vote": form.cleaned_data["vote"],
        "your_reason": form.cleaned_data["reason"],
        "changes": error.items,
    }
    return render(request, "reviews/conflict.html", context, status=409)
