"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.text import Truncator

from apps.accounts.contracts import RemovalHook, grant_guard_register, removal_hook_register
from apps.core import formats
from apps.core.actors import VERB_ROLES, Actor, Role
from apps.core.links import link_register, page_of, pages_of_owner
from apps.core.registries import (
    Command,
    Hit,
    HomeItem,
    NavEntry,
    Station,
    command_register,
    navigation_register,
    search_register,
    station_register,
    waiting_register,
)
from apps.core.states import state_look
from apps.core.topics import Topic, topic_register
from apps.evaluations import selectors as evaluations
from apps.evaluations.contracts import approvals_of_register, decision_counter_register, evaluation_panel_register
from apps.jobs.contracts import quota_guard_register
from apps.registry import selectors as registry
from apps.registry.contracts import VersionBadge, version_badges_register, version_panel_register
from apps.reviews import policies, selectors, services
from apps.reviews.models import ApprovalRequest, Decision
from apps.reviews.readiness import request_missing

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.evaluations.models import Evaluation
    from apps.registry.models import ModelVersion

State = ApprovalRequest.State
MOST_WAITING = 5
MOST_QUOTED = 200
_ENDINGS = {
    State.STALE: ("is stale", "The evidence changed. Look at what differs and ask again."),
    State.EXPIRED: ("has expired", "Nobody decided in time. Ask again with one click."),
    State.REJECTED: ("was refused", "Read the reason."),
}
_BADGE_STATES = (State.APPROVED, State.OPEN, *services.RENEWABLE_STATES)


def _url(pk: uuid.UUID | str) -> str:
    return reverse("review-detail", args=[pk])


def _requests_of_decisions(pks: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    return dict(Decision.objects.filter(pk__in=pks).values_list("pk", "request_id"))


def _search(actor: Actor, text: str, limit: int) -> Iterator[Hit]:
    for request in selectors.request_search(actor, text, limit):
        detail = f"{state_look(request.state).word}, asked by {request.requested_by}"
        yield Hit("request", f"Request {request.number}: {request.model_version}", detail, _url(request.pk), "checkbox")


def station_approval(actor: Actor, problem_id: uuid.UUID) -> Station:
    """The fifth buoy: the newest request, since when it waits and who decides."""
    request = selectors.request_newest(actor, problem_id=problem_id)
    if request is None:
        return Station("approval", "Approval", state="not asked", wait="Data scientist asks for approval")
    version, label, url = request.model_version, f"Request {request.number}", _url(request.pk)
    of = f"v{version.number}"
    ship = ((f"{of} candidate", "candidate"),)
    if request.state == State.OPEN:
        since = formats.ago(request.created_at)
        if policies.request_decide(actor, request):
            return Station(
                "approval",
                "Approval",
                "waits for you",
                "info",
                label,
                url,
                wait=f"asked {since}",
                here=True,
                of=of,
                ships=ship,
                say=f"You decide on version {version.number}.",
                say_more=f"Asked by {request.requested_by} {since}; due {formats.day(request.due_at)}.",
                action_label="Decide",
                action_url=url,
            )
        names = selectors.decider_names(request)
        who = " or ".join(names[:3]) if names else "nobody who may decide"
        return Station(
            "approval",
            "Approval",
            "waits",
            "info",
            label,
            url,
            wait=f"for {who}, asked {since}",
            here=True,
            of=of,
            ships=ship,
            say=f"{who[:1].upper() + who[1:]} decides on version {version.number}."
            if len(names) == 1
            else f"Version {version.number} waits for a decision by {who}.",
            say_more=f"Asked by {request.requested_by} {since}; due {formats.day(request.due_at)}.",
            action_label="See the request",
            action_url=url,
        )
    if request.state in services.RENEWABLE_STATES:
        stale = request.state == State.STALE
        return Station(
            "approval",
            "Approval",
            request.get_state_display(),
            "warn",
            label,
            url,
            wait="the evidence changed" if stale else "nobody decided in time",
            here=True,
            of=of,
            ships=ship,
            say=f"{request.requested_by} has to ask again for version {version.number}.",
            say_more="The evidence changed after the request was made."
            if stale
            else f"Nobody decided by {formats.day(request.due_at)}.",
            action_label="See what changed" if stale else "See the request",
            action_url=url,
        )
    word, tone = {
        State.APPROVED.value: ("approved", "good"),
        State.REJECTED.value: ("refused", "bad"),
        State.WITHDRAWN.value: ("withdrawn", "none"),
    }.get(request.state, (request.get_state_display(), "none"))
    return Station(
        "approval", "Approval", word, tone, label, url, of, wait=f"version {version.number}", ahead=tone != "good"
    )


def waiting_decisions(actor: Actor, team_id: uuid.UUID | None) -> Iterator[HomeItem]:
    """Requests that this person may decide, with the effect in one sentence."""
    for request in selectors.inbox_list(actor, team_id)[:MOST_WAITING]:
        yield inbox_item(request)


def inbox_item(request: ApprovalRequest) -> HomeItem:
    """One request as an entry of an inbox."""
    tone = {"worse": "worse", "better": "better"}.get(request.evaluation.tone, "info")
    return HomeItem(
        title=f"Decide on {request.model_version} for {request.environment}",
        url=_url(request.pk),
        text=request.evaluation.headline,
        tone=tone,
        at=request.created_at,
        meta=(
            str(request.problem),
            f"asked by {request.requested_by}",
            f"due {formats.day(request.due_at)}",
        ),
        action_label="Decide",
    )


def waiting_requests(actor: Actor, team_id: uuid.UUID | None) -> Iterator[HomeItem]:
    """Questions on this person's requests, requests that went stale, expired or were refused, and evaluations on which
    nobody asked yet.
    """
    mine: list[Any] = list(selectors.requests_of_mine(actor, team_id)[:MOST_WAITING])
    for request in mine:
        if request.state == State.OPEN:
            yield HomeItem(
                title=f"Answer {request.asks} on request {request.number}",
                url=f"{_url(request.pk)}#talk",
                text=Truncator(request.asked_text).chars(MOST_QUOTED),
                tone="info",
                at=request.asked_at,
                meta=(str(request.problem), str(request.model_version)),
                action_label="Answer",
            )
            continue
        happened, text = _ENDINGS[State(request.state)]
        again = request.state in services.RENEWABLE_STATES
        yield HomeItem(
            title=f"Request {request.number} for {request.model_version} {happened}",
            url=_url(request.pk),
            text=text,
            tone="warn" if again else "bad",
            at=request.ended_at,
            meta=(str(request.problem),),
            action_label="Ask again" if again else "Read",
        )
    if not actor.team_ids("approval.request"):
        return
    found = list(evaluations.unrequested_list(actor, team_id)[:MOST_WAITING])
    asked = selectors.evaluations_asked(actor, [one.pk for one in found])
    newest: set[uuid.UUID] = set()
    for evaluation in found:
        model_id = evaluation.model_version.model_id
        if model_id in newest:
            continue
        newest.add(model_id)
        if evaluation.pk not in asked:
            yield HomeItem(
                title=f"{evaluation.model_version} is evaluated",
                url=reverse("evaluation-detail", args=[evaluation.pk]),
                text=evaluation.headline,
                tone={"worse": "worse", "better": "better"}.get(evaluation.tone, "none"),
                at=evaluation.completed_at,
                meta=(str(evaluation.problem), "nobody has asked for approval yet"),
                action_label="Look",
            )


def _follow(actor: Actor, key: str) -> bool:
    try:
        return ApprovalRequest.objects.visible_to(actor).filter(pk=uuid.UUID(key)).exists()
    except ValueError:
        return False


def _replay(actor: Actor, key: str, after: int) -> tuple[int, list[dict[str, Any]]]:
    state = selectors.request_state(uuid.UUID(key))
    if state is None:
        return after, []
    # A state has no sequence of its own; the clock gives it one that always rises.
    seq = max(int(time.time() * 1000), after + 1)
    return seq, [{"seq": seq, "kind": "review", "data": state}]


def _badges(actor: Actor, versions: Sequence[ModelVersion]) -> Mapping[uuid.UUID, Sequence[VersionBadge]]:
    found: dict[uuid.UUID, list[VersionBadge]] = {}
    rows = ApprovalRequest.objects.visible_to(actor).filter(
        model_version_id__in=[version.pk for version in versions], state__in=_BADGE_STATES
    )
    for pk, version_id, state, environment in rows.order_by("id").values_list(
        "pk", "model_version_id", "state", "environment"
    ):
        word = {State.APPROVED.value: f"approved for {environment}", State.OPEN.value: "approval asked"}.get(state, "")
        found[version_id] = [VersionBadge(state, word or f"request {State(state).label}", _url(pk))]
    return found


def _version_panel(actor: Actor, version: ModelVersion) -> Mapping[str, Any]:
    held = selectors.request_list(actor, model_version_id=version.pk).select_related(None).defer("evidence")
    rows = list(held.order_by("-id")[:3])
    return {
        "requests": rows,
        "request_waiting": next((row for row in rows if row.state == State.OPEN), None),
        "can_request": policies.request_send(actor, version.team_id)
        and version.state == "SEALED"
        and not registry.model_missing(version),
    }


def _evaluation_action(actor: Actor, evaluation: Evaluation) -> Mapping[str, Any] | None:
    if evaluation.state != "COMPLETE":
        return None
    rows = selectors.request_list(actor, model_version_id=evaluation.model_version_id).select_related(None)
    request = rows.only("state").order_by("-id").first()
    waiting = request is not None and request.state in (State.OPEN, *services.RENEWABLE_STATES)
    if waiting:
        return {"request_waiting": request}
    if not policies.request_send(actor, evaluation.team_id) or request_missing(evaluation.model_version, evaluation):
        return None
    return {"request_waiting": None}


def _removal_end(actor: Actor, user: User) -> None:
    services.requests_end_for(actor, user)


def _removal_preview(user: User) -> Iterable[str]:
    return services.requests_left_by(user)


def _grant_guard(actor: Actor, user: User, team_id: uuid.UUID | None, role: Role) -> str | None:
    """Invariant I10: who waits for a decision does not choose who decides."""
    if role not in VERB_ROLES["approval.decide"] or actor.id is None:
        return None
    rows = ApprovalRequest.objects.filter(requested_by_id=actor.id, state=State.OPEN)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    request = rows.select_related("problem").order_by("id").first()
    if request is None:
        return None
    return (
        f"You wait for a decision on {request}; another administrator has to give out the right to decide until then."
    )


def _quota_guard(actor: Actor, team_id: uuid.UUID) -> str | None:
    """Invariant I10: who waits for a decision on work of a team does not give that team more to work with."""
    if actor.id is None:
        return None
    rows = ApprovalRequest.objects.filter(requested_by_id=actor.id, state=State.OPEN, team_id=team_id)
    request = rows.select_related("problem").order_by("id").first()
    if request is None:
        return None
    return f"You wait for a decision on {request}; another administrator has to raise the quota of its team until then."


def register() -> None:
    """Navigation, home, strip, live topic, search, links, and the parts of other rooms' pages."""
    navigation_register(
        NavEntry("reviews", "Reviews", "checkbox", "review-list", 70, "r", counted=selectors.inbox_list)
    )
    command_register(Command("Go to reviews", "review-list", "checkbox"))
    search_register("request", _search)
    station_register("approval", station_approval)
    waiting_register("reviews-decide", waiting_decisions)
    waiting_register("reviews-mine", waiting_requests)
    topic_register(Topic("review", _follow, _replay, snapshot=True))
    link_register("reviews.approvalrequest", page_of("review-detail"), word="request for approval")
    link_register("reviews.decision", pages_of_owner("review-detail", _requests_of_decisions), word="decision")
    version_badges_register(_badges)
    version_panel_register("reviews/_version_panel.html", _version_panel, place="aside", order=10)
    evaluation_panel_register("reviews/_evaluation_action.html", _evaluation_action, place="action", order=10)
    decision_counter_register(selectors.decisions_on_data)
    approvals_of_register(selectors.approvals_on)
    removal_hook_register("reviews", RemovalHook(preview=_removal_preview, end=_removal_end))
    grant_guard_register("reviews", _grant_guard)
    quota_guard_register("reviews", _quota_guard)
