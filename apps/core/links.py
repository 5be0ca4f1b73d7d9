"""How things that entries and edges only name become links: each room answers for its own kinds, many at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.urls import reverse

from apps.core.actors import Actor

LinkMaker = Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, str]]
Opens = Callable[[Actor], bool]
Thing = tuple[str, str]
"""A kind as in "registry.modelversion" and an id as text."""


@dataclass(frozen=True, slots=True)
class _Kind:
    maker: LinkMaker
    word: str
    opens: Opens | None


_kinds: dict[str, _Kind] = {}


def link_register(kind: str, maker: LinkMaker, *, word: str = "", opens: Opens | None = None) -> None:
    """A room says where its things are shown.

    `maker(ids) -> {id: path}` answers for a page of things in one query at most, `word` is what one is called in a
    sentence ("model version"), `opens(actor)` says who can open them (None: whoever sees them).
    """
    _kinds[kind] = _Kind(maker, word, opens)


def page_of(route: str) -> LinkMaker:
    """A maker for things whose page takes their own id."""
    return lambda ids: {pk: reverse(route, args=[pk]) for pk in ids}


def pages_of_owner(route: str, owners: Callable[[Collection[uuid.UUID]], Mapping[uuid.UUID, uuid.UUID]]) -> LinkMaker:
    """A maker for things shown on the page of what they belong to: `owners(ids) -> {id: owner's id}`."""
    return lambda ids: {pk: reverse(route, args=[owner]) for pk, owner in owners(ids).items()}


def links_of(things: Iterable[tuple[str, str | uuid.UUID]], actor: Actor | None = None) -> dict[Thing, str]:
    """The pages of many things; those that show none, or none that this actor can open, are left out."""
    asked: dict[str, set[uuid.UUID]] = {}
    for kind, pk in things:
        known = _kinds.get(kind)
        if known is None or (known.opens is not None and not (actor and known.opens(actor))):
            continue
        try:
            asked.setdefault(kind, set()).add(pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk))
        except ValueError:
            continue  # an entry may be about something without an id
    return {(kind, str(pk)): url for kind, pks in asked.items() for pk, url in _kinds[kind].maker(pks).items() if url}


def link_of(kind: str, pk: str | uuid.UUID, actor: Actor | None = None) -> str:
    """The page of one thing, or an empty string."""
    return links_of([(kind, pk)], actor).get((kind, str(pk)), "")


def word_of(kind: str) -> str:
    """What a kind is called in a sentence: "datasets.datasetversion" reads "dataset version". The word that its room
    registered comes before that of its model.
    """
    known = _kinds.get(kind)
    if known is not None and known.word:
        return known.word
    try:
        return str(apps.get_model(kind)._meta.verbose_name)
    except (LookupError, ValueError):
        return kind.partition(".")[2] or kind
