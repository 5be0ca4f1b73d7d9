"""Models and versions by MLflow's filter and order language."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, FloatField, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce

from apps.core.actors import Actor
from apps.core.filter_conditions import compare, compare_moment, compare_number, condition_of, entry, hex_of
from apps.core.filter_language import Clause, ValueType, Vocabulary, parse_filter, parse_orders
from apps.core.search_pages import Column, digest_of, page_read, place_of, token_of
from apps.registry.models import Model, ModelVersion

_NUMBER, _TEXT = ValueType.NUMBER, ValueType.TEXT
_TAGS = dict.fromkeys(("tag", "tags"), ("tags", _TEXT))
_TIMES = {
    "creation_timestamp": ("created", _NUMBER),
    **dict.fromkeys(("last_updated_timestamp", "timestamp"), ("updated", _NUMBER)),
}
REGISTERED_MODELS = Vocabulary(attributes={"name": ("name", _TEXT), **_TIMES}, maps=_TAGS, records={})
MODEL_VERSIONS = Vocabulary(
    attributes={
        **{key: (key, _TEXT) for key in ("name", "run_id", "source_path")},
        "version_number": ("version_number", _NUMBER),
        **_TIMES,
    },
    maps=_TAGS,
    records={},
)
_MODEL_COLUMNS: dict[str, Combinable] = {
    "name": F("name"),
    "created": F("created_at"),
    "updated": Coalesce("updated_at", "created_at"),
}
_VERSION_COLUMNS: dict[str, Combinable] = {
    "name": F("model__name"),
    "run_id": hex_of("run_id"),
    "source_path": F("source"),
    "version_number": F("number"),
    "created": F("created_at"),
    "updated": Coalesce("updated_at", "created_at"),
}
_MOMENTS = ("created", "updated")
# Clients ask with every search to leave prompts out; Fairway has none.
_PROMPT_TAG = "mlflow.prompt.is_prompt"


def registered_model_page(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    token: str = "",
    limit: int = 100,
) -> tuple[list[Model], str]:
    """Models that the actor sees (of one team), and the token of the next page ("": there is none).

    Sorted as asked, then by name. Raises Invalid.
    """
    rows: QuerySet[Model] = Model.objects.visible_to(actor).filter(archived_at__isnull=True)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    orders = [*order_texts] if _sorts(order_texts, REGISTERED_MODELS, "name") else [*order_texts, "name"]
    question = ["registered models", str(team_id), filter_text, list(order_texts)]
    return _page(
        Model.objects.all(), rows, REGISTERED_MODELS, _MODEL_COLUMNS, filter_text, orders, question, token, limit
    )


def model_version_page(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    filter_text: str = "",
    order_texts: Sequence[str] = (),
    token: str = "",
    limit: int = 100,
) -> tuple[list[ModelVersion], str]:
    """Versions in use of models that the actor sees (of one team), and the token of the next page.

    Sorted as asked, by default what changed last first; then by name and number, the newest first. Raises Invalid.
    """
    rows = ModelVersion.objects.filter(model__in=Model.objects.visible_to(actor).filter(archived_at__isnull=True))
    rows = rows.exclude(state=ModelVersion.State.ARCHIVED)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    orders = list(order_texts) or ["last_updated_timestamp DESC"]
    for key, order in (("name", "name"), ("version_number", "version_number DESC")):
        if not _sorts(orders, MODEL_VERSIONS, key):
            orders.append(order)
    question = ["model versions", str(team_id), filter_text, list(order_texts)]
    shown = ModelVersion.objects.select_related("model").defer("manifest", "signature", "importance")
    return _page(shown, rows, MODEL_VERSIONS, _VERSION_COLUMNS, filter_text, orders, question, token, limit)


def _sorts(order_texts: Sequence[str], vocabulary: Vocabulary, key: str) -> bool:
    return any(order.field.key == key for order in parse_orders(order_texts, vocabulary))


def _page(
    shown: QuerySet[Any],
    rows: QuerySet[Any],
    vocabulary: Vocabulary,
    values: Mapping[str, Combinable],
    filter_text: str,
    order_texts: Sequence[str],
    question: Sequence[object],
    token: str,
    limit: int,
) -> tuple[list[Any], str]:
    node, digest = parse_filter(filter_text, vocabulary), digest_of(question)
    place = place_of(token, digest) if token else None
    if node is not None:
        rows = rows.filter(condition_of(node, lambda clause: _condition(values, clause)))
    columns = [Column(values[order.field.key], order.descending) for order in parse_orders(order_texts, vocabulary)]
    found, end = page_read(shown, [(rows, [*columns, Column(F("id"))])], place, limit)
    return found, token_of(end, digest) if end else ""


def _condition(values: Mapping[str, Combinable], clause: Clause) -> Q:
    key = clause.field.key
    if clause.field.kind == "tags":
        held = entry("tags", key)
        return compare(Coalesce(held, Value("false"), output_field=TextField()) if key == _PROMPT_TAG else held, clause)
    if key in _MOMENTS:
        return compare_moment(values[key], clause)
    if clause.field.type is _NUMBER:
        return compare_number(Cast(values[key], FloatField()), clause)
    return compare(values[key], clause)
