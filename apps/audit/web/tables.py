"""The table of audit entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit import selectors
from apps.core.links import links_of, word_of
from apps.core.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter


class ActionFilter(ChoiceFilter):
    """An action, or all that begin with the same noun."""

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        wanted = Q()
        for value in values:
            wanted |= Q(action=value) | Q(action__startswith=f"{value}.")
        return queryset.filter(wanted)


def _actions(request: Any) -> list[tuple[str, str]]:
    return [(action, action.replace(".", " ").replace("_", " ")) for action in selectors.action_list()]


def _object(event: Any) -> str:
    return f"{word_of(event.object_type)}: {event.object_label}"


def _object_link(event: Any) -> SafeString:
    url = event.object_url
    return format_html('<a href="{}">{}</a>', url, _object(event)) if url else format_html("{}", _object(event))


def links_attach(events: list[Any]) -> None:
    """Give each entry `object_url`, the page of what it is about."""
    links = links_of((event.object_type, event.object_id) for event in events)
    for event in events:
        event.object_url = links.get((event.object_type, event.object_id), "")


ENTRIES = Table(
    key="audit",
    noun="entry",
    label="Audit entries",
    columns=[
        Column("at", "When", sort="id", format="ago"),
        Column("actor", "Who", value="actor_label", template="audit/_actor_cell.html"),
        Column("action", "What", format="code", link=True),
        Column("object", "On", value=_object, render=_object_link, wrap=True),
        Column("reason", "Reason", wrap=True),
        Column("sequence", "No.", sort="sequence", format="count"),
        Column("request", "Reference", value="request_id", format="code", default_visible=False),
        Column("hash", "Hash", value="hash", format="id", default_visible=False),
    ],
    filters=[
        TextFilter("q", "Find an entry", ["object_label", "reason", "action", "actor_label"]),
        ActionFilter("action", "Action", _actions),
        TextFilter("actor", "Person", ["actor_label"]),
        TextFilter("object", "Object kind", ["object_type"]),
        DateFilter("since", "From", "at", "gte"),
        DateFilter("until", "To", "at", "lte"),
    ],
    default_sort="-at",
    row_url=lambda event: reverse("audit-detail", args=[event.pk]),
    csv=False,
    empty_title="No entry fits",
    empty_text="Every change leaves one entry here. Widen the filters to see more.",
)
