"""Saved views: a person's own and the team's."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import IntegrityError, transaction

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import policies, selectors
from apps.experiments.models import SavedView
from apps.experiments.services.locking import row_version_check

NAME_LIMIT = 120
QUERY_LIMIT = 8_000
MOST_FIELDS = 300
VIEWS = 200
# The place in a list and the form of an answer are no part of a view.
_LEFT_OUT = {"after", "before", "format", "view", "selected"}


def view_create(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    name: str,
    query: str,
    shared: bool = False,
    is_default: bool = False,
) -> SavedView:
    """Keep a page's address under a name, for oneself or, `shared`, for the team.

    Raises NotFound, Forbidden, Invalid, and Conflict for a name that is taken.
    """
    experiment = selectors.experiment_get(actor, experiment_id)
    if not actor.is_person:
        raise Forbidden("Only a person keeps views.")
    view = SavedView(
        team_id=experiment.team_id,
        experiment=experiment,
        owner_id=None if shared else actor.id,
        name=_name(name),
        query=_query(query),
        is_default=is_default,
        created_by_id=actor.id,
        created_by_label=actor.label,
    )
    policies.require_view_write(actor, view)
    with transaction.atomic():
        held = SavedView.objects.filter(experiment=experiment, owner_id=view.owner_id)
        if held.count() >= VIEWS:
            raise Conflict(f"There are {VIEWS} views already. Delete one first.", code="too_many")
        _save(view)
        audit_record(actor=actor, action="view.create", thing=view, after=_facts(view))
    return view


def view_update(
    *,
    actor: Actor,
    view_id: uuid.UUID,
    name: str | None = None,
    query: str | None = None,
    is_default: bool | None = None,
    row_version: int | None = None,
) -> SavedView:
    """Rename a view, keep another address in it, or open the page with it.

    Raises NotFound, Forbidden, Invalid, and Conflict for a name that is taken or a `row_version` that is old.
    """
    with transaction.atomic():
        view = _lock(actor, view_id)
        row_version_check(view, row_version)
        before = _facts(view)
        view.name = view.name if name is None else _name(name)
        view.query = view.query if query is None else _query(query)
        view.is_default = view.is_default if is_default is None else is_default
        if _facts(view) != before:
            view.row_version += 1
            _save(view)
            audit_record(actor=actor, action="view.update", thing=view, before=before, after=_facts(view))
    return view


def view_delete(*, actor: Actor, view_id: uuid.UUID) -> None:
    """Remove a view; the runs are not touched. Raises NotFound, Forbidden."""
    with transaction.atomic():
        view = _lock(actor, view_id)
        audit_record(actor=actor, action="view.delete", thing=view, before=_facts(view))
        view.delete()


def _lock(actor: Actor, view_id: uuid.UUID) -> SavedView:
    view: SavedView | None = SavedView.objects.select_for_update().filter(pk=view_id).first()
    if view is None or view != selectors.view_get(actor, view_id):
        raise NotFound("There is no such view, or it is somebody else's own.")
    policies.require_view_write(actor, view)
    return view


def _save(view: SavedView) -> None:
    """Write a view; the one that the page opened with before steps back."""
    if view.is_default:
        others = SavedView.objects.filter(experiment_id=view.experiment_id, owner_id=view.owner_id, is_default=True)
        others.exclude(pk=view.pk).update(is_default=False)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict(f"There is a view named “{view.name}” already.", code="name_taken") from error


def _facts(view: SavedView) -> dict[str, Any]:
    whose = "the team" if view.owner_id is None else "a person"
    return {"name": view.name, "query": view.query, "is_default": view.is_default, "of": whose}


def _name(text: str) -> str:
    name = text.replace("\x00", "").strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    return name


def _query(text: str) -> str:
    """The address's query without the place in the list, spelt in one way."""
    if len(text) > QUERY_LIMIT or "\x00" in text:
        raise Invalid.field("query", f"A view has at most {QUERY_LIMIT:,} characters.")
    try:
        pairs = parse_qsl(text.removeprefix("?"), max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Invalid.field("query", "That is not the query of an address.") from error
    return urlencode([(name, value) for name, value in pairs if name not in _LEFT_OUT])
