"""Making and changing targets, and choosing one for a job."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.compute import selectors
from apps.compute.models import ComputeTarget
from apps.compute.policies import require_targets_manage
from apps.compute.services.executors import kind_about, kinds, secret_close
from apps.compute.services.states import State, target_lock, target_transition
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound

LIMIT_NAMES = ("wall_seconds", "cpu_seconds", "memory_bytes", "cores", "gpus")
SECRET_LIMIT = 4000
_MOST: dict[str, int] = {"cores": 100_000, "gpus": 10_000, "slots": 1_000, "memory_bytes": 2**60, "price_minor": 10**12}
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_LABEL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}\Z")
_CURRENCY = re.compile(r"^[A-Z]{3}\Z")
# What a test has proven no longer holds once one of these is another.
_PROVEN = ("address", "secret", "reach_url")
_FIELDS = (
    *("name", "description", "address", "reach_url", "cores", "gpus", "memory_bytes", "slots", "labels"),
    *("price_minor", "currency", "limits", "all_teams"),
)


def target_create(
    *,
    actor: Actor,
    name: str,
    kind: str,
    secret: str = "",
    team_ids: Collection[uuid.UUID] = (),
    **fields: Any,
) -> ComputeTarget:
    """Add a place that runs jobs; it takes none before a test has passed.

    `fields` are those of the record (address, reach_url, cores, gpus, memory_bytes, slots, labels,
    price_minor, currency, limits, all_teams, description). Raises Forbidden, Invalid at the field, Conflict for a name
    that is taken.
    """
    require_targets_manage(actor)
    if kind not in kinds():
        raise Invalid.field("kind", f"One of {', '.join(kinds())}.")
    about = kind_about(kind)
    if about.on_this_machine:
        raise Invalid.field("kind", "This machine is there already; every installation has it once.")
    target = ComputeTarget(kind=kind, created_by_label=actor.label[:200])
    _fill(target, {"name": name, "secret": secret, **fields})
    teams = _teams(actor, team_ids, target.all_teams)
    with transaction.atomic():
        try:
            with transaction.atomic():
                target.save(force_insert=True)
        except IntegrityError as error:
            raise _name_taken(name) from error
        target.teams.set(teams)
        audit_record(actor=actor, action="target.create", thing=target, after=_told(target, teams))
    return target


def target_update(
    *,
    actor: Actor,
    target_id: uuid.UUID,
    row_version: int | None = None,
    secret: str | None = None,
    team_ids: Collection[uuid.UUID] | None = None,
    **fields: Any,
) -> ComputeTarget:
    """Change what is given; another address or secret has to be tested before jobs go there again.

    Raises NotFound, Forbidden, Invalid at the field, and Conflict (code "stale") when somebody changed it after
    `row_version`.
    """
    selectors.target_get(actor, target_id)
    require_targets_manage(actor)
    with transaction.atomic():
        target = target_lock(target_id)
        if row_version is not None and row_version != target.row_version:
            raise Conflict(
                "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
                code="stale",
                items=[{"row_version": target.row_version, "given": row_version}],
            )
        held = list(target.teams.all())
        before, proven = _told(target, held), {one: getattr(target, one) for one in _PROVEN}
        _fill(target, {**fields, **({} if secret is None else {"secret": secret})})
        teams = held if team_ids is None else _teams(actor, team_ids, target.all_teams)
        if team_ids is None and not target.all_teams and not teams:
            raise Invalid.field("team_ids", "Choose the teams that may use it, or all.")
        target.row_version += 1
        try:
            with transaction.atomic():
                target.save()
        except IntegrityError as error:
            raise _name_taken(target.name) from error
        target.teams.set(teams)
        after = _told(target, teams) | ({"secret": "replaced"} if secret is not None else {})
        audit_record(actor=actor, action="target.update", thing=target, before=before, after=after)
        if any(getattr(target, one) != value for one, value in proven.items()) and not target.builtin:
            target.tested_at, target.failures = None, 0
            if target.state in (State.HEALTHY, State.DEGRADED):
                reason = "Its address or secret was changed."
                target_transition(actor=actor, target=target, to=State.UNTESTED, reason=reason)
            else:
                target.save(update_fields=["tested_at", "failures"])
    return target


def target_for_job(*, team_id: uuid.UUID, target_id: uuid.UUID | None) -> ComputeTarget:
    """The target of a new job: the one that is asked for, else this machine.

    Raises Invalid at `target` for one that the team may not use, and Conflict for one that takes no job now.
    """
    if target_id is None:
        target = selectors.target_local()
    else:
        found = selectors.targets_of_team(team_id).filter(pk=target_id).first()
        if found is None:
            raise Invalid.field("target_id", "There is no such compute target for this team.")
        target = found
    # This machine may be away for a moment, as the worker may: its jobs wait.
    if target.state == State.DRAINED or not (target.builtin or selectors.accepts(target)):
        raise Conflict(f"{selectors.standing(target)} Nothing was queued.", code="target_unavailable")
    return target


def _name_taken(name: str) -> Conflict:
    return Conflict(
        f"There is a compute target called “{name}” already.", code="name_taken", fields={"name": ["Taken already."]}
    )


def _teams(actor: Actor, team_ids: Collection[uuid.UUID], all_teams: bool) -> list[Any]:
    if all_teams:
        return []
    if not team_ids:
        raise Invalid.field("team_ids", "Choose the teams that may use it, or all.")
    try:
        return [accounts.team_get(actor, pk) for pk in dict.fromkeys(team_ids)]
    except NotFound as error:
        raise Invalid.field("team_ids", "One of these teams does not exist.") from error


def _fill(target: ComputeTarget, values: Mapping[str, Any]) -> None:
    """Put checked values into the row. Raises Invalid at the first field that is not right."""
    unknown = set(values) - {*_FIELDS, "secret"}
    if unknown:
        raise Invalid.field(sorted(unknown)[0], "A target has no such field.")
    about = kind_about(target.kind)
    for name, value in values.items():
        checker = _CHECKS.get(name)
        if name == "secret":
            if value and not about.takes_secret:
                raise Invalid.field("secret", f"{about.title} takes no secret.")
            if len(value) > SECRET_LIMIT or not value.isprintable():
                raise Invalid.field("secret", f"At most {SECRET_LIMIT} printable characters.")
            target.secret = secret_close(value)
        elif name == "address":
            target.address = _url("address", value) if about.needs_address else ""
        else:
            setattr(target, name, checker(name, value) if checker else value)
    if about.needs_address and not target.address:
        raise Invalid.field("address", f"{about.title} has an address: {about.address_help}")
    if target.price_minor is not None and not target.currency:
        raise Invalid.field("currency", "A price has a currency.")


def _url(name: str, value: Any) -> str:
    text = str(value or "").strip().rstrip("/")
    if not text:
        return ""
    wrong = Invalid.field(name, "An address begins with http:// or https:// and names a host, without user or query.")
    if len(text) > 500 or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise wrong
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not port_is_number:
        raise wrong
    if parts.query or parts.fragment:
        raise wrong
    return text


def _count(name: str, value: Any) -> int | None:
    if value is None:
        return None
    least = 0 if name in ("gpus", "price_minor") else 1
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST[name]:
        raise Invalid.field(name, f"A whole number from {least} to {_MOST[name]}.")
    return value


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise Invalid.field(
            name, "A target's name has 1 to 63 letters, digits, dots, dashes and underscores, none at its ends."
        )
    return value


def _labels(name: str, value: Any) -> dict[str, str]:
    wrong = Invalid.field(name, "Labels are up to 30 pairs such as gpu=a100, of letters, digits, dots and dashes.")
    if not isinstance(value, Mapping) or len(value) > 30:
        raise wrong
    for key, text in value.items():
        if not (isinstance(key, str) and _LABEL.match(key) and isinstance(text, str) and _LABEL.match(text)):
            raise wrong
    return dict(value)


def _limits(name: str, value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping) or set(value) - set(LIMIT_NAMES):
        raise Invalid.field(name, f"Limits are among {', '.join(LIMIT_NAMES)}.")
    for key, limit in value.items():
        least = 0 if key == "gpus" else 1
        if isinstance(limit, bool) or not isinstance(limit, int) or not least <= limit <= 2**50:
            raise Invalid.field(name, f"{key} is a whole number from {least}.")
    return dict(value)


def _currency(name: str, value: Any) -> str:
    text = str(value or "").upper()
    if text and not _CURRENCY.match(text):
        raise Invalid.field(name, "A currency is a code of three letters, such as EUR.")
    return text


def _description(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        raise Invalid.field(name, "At most 1000 characters.")
    return value


_CHECKS: dict[str, Any] = {
    "name": _name,
    "description": _description,
    "reach_url": _url,
    "cores": _count,
    "gpus": _count,
    "memory_bytes": _count,
    "slots": _count,
    "labels": _labels,
    "price_minor": _count,
    "currency": _currency,
    "limits": _limits,
}


def _told(target: ComputeTarget, teams: Collection[Any]) -> dict[str, Any]:
    """What the audit says of a target: never its secret."""
    return {
        **{name: getattr(target, name) for name in _FIELDS},
        "kind": target.kind,
        "teams": [str(team) for team in teams],
        "has_secret": bool(target.secret),
    }
