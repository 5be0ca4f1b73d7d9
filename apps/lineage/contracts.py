"""What lineage shares: edges as values."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from apps.core.links import word_of


@dataclass(frozen=True, slots=True)
class Node:
    """One thing of the graph."""

    type: str
    id: uuid.UUID
    label: str
    url: str = ""
    """Its page; empty when its room shows none, or nobody asked (see `selectors.nodes_linked`)."""

    @property
    def word(self) -> str:
        return word_of(self.type)


@dataclass(frozen=True, slots=True)
class Edge:
    """`subject relation object`; `depth` counts the steps from the thing that was asked about, from 1."""

    subject: Node
    relation: str
    relation_words: str
    object: Node
    at: datetime
    depth: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a thing came from and what came of it."""

    upstream: tuple[Edge, ...]
    downstream: tuple[Edge, ...]
    cut: bool
    """More edges exist than were asked for."""
