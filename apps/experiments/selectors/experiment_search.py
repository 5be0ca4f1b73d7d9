"""Experiments by MLflow's filter and order language."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce

from apps.core.actors import Actor
from apps.core.filter_conditions import compare, compare_moment, condition_of, entry
from apps.core.filter_language import Clause, ValueType, Vocabulary, parse_filter, parse_orders
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.experiments.contracts import View
from apps.experiments.models import Experiment

EXPERIMENTS = Vocabulary(
    attributes={
        "name": ("name", ValueType.TEXT),
        "experiment_id": ("experiment_id", ValueType.TEXT),
        "creation_time": ("creation_time", ValueType.NUMBER),
        "last_update_time": ("last_update_time", ValueType.NUMBER),
    },
    maps=dict.fromkeys(("tag", "tags"), ("tags", ValueType.TEXT)),
    records={},
)
_COLUMNS: dict[str, Combinable] = {
    "name": F("name"),
    "experiment_id": F("number"),
    "creation_time": F("created_at"),
    "last_update_time": Coalesce("updated_at", "created_at"),
}
_NEWEST_FIRST = ("creation_time DESC", "experiment_id")


def experiment_search_page(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    view: View = View.ACTIVE,
    token: str = "",
    limit: int = 1000,
) -> tuple[list[Experiment], str]:
    """Experiments that the actor sees (of one team), and the token of the next page ("": there is none).

    Sorted as asked, by default the newest first; the number settles a tie. Raises Invalid.
    """
    node = parse_filter(filter_text, EXPERIMENTS)
    orders = parse_orders(order_texts or _NEWEST_FIRST, EXPERIMENTS)
    digest = digest_of(["experiments", str(team_id), filter_text, list(order_texts), view])
    place = place_of(token, digest) if token else None
    rows: QuerySet[Experiment] = Experiment.objects.visible_to(actor)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    if view is not View.ALL:
        rows = rows.filter(archived_at__isnull=view is View.ACTIVE)
    if node is not None:
        rows = rows.filter(condition_of(node, _condition))
    columns = [Column(_COLUMNS[order.field.key], order.descending) for order in orders]
    if all(order.field.key != "experiment_id" for order in orders):
        columns.append(Column(F("number"), descending=True))
    found, end = page_read(Experiment.objects.select_related("team"), [(rows, columns)], place, limit)
    return found, token_of(end, digest) if end else ""


def _condition(clause: Clause) -> Q:
    key = clause.field.key
    if clause.field.kind == "tags":
        return compare(entry("tags", key), clause)
    if clause.field.type is ValueType.NUMBER:
        return compare_moment(_COLUMNS[key], clause)
    # Clients quote the number.
    return compare(Cast("number", TextField()) if key == "experiment_id" else F("name"), clause)
