"""What lineage shares: edges as values, and how the things they name become links."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

LinkMaker = Callable[[uuid.UUID], str]
_links: dict[str, LinkMaker] = {}
_words: dict[str, str] = {}


def link_register(thing_type: str, maker: LinkMaker, *, word: str = "") -> None:
    """A room says where a thing of its own is shown (`maker(id) -> path`) and what it is called ("model version")."""
    _links[thing_type] = maker
    if word:
        _words[thing_type] = word


def link_of(thing_type: str, thing_id: uuid.UUID) -> str:
    """The page of a thing; empty when its room shows none."""
    maker = _links.get(thing_type)
    return maker(thing_id) if maker else ""


def word_of(thing_type: str) -> str:
    """What a type is called in a sentence: "datasets.datasetversion" reads "dataset version" when registered."""
    return _words.get(thing_type) or thing_type.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Node:
    """One thing of the graph."""

    type: str
    id: uuid.UUID
    label: str

    @property
    def url(self) -> str:
        return link_of(self.type, self.id)

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
