"""Reading lineage: what a thing came from, and what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db import connection

from apps.core.actors import Actor
from apps.core.links import links_of
from apps.lineage.contracts import Edge, Lineage, Node
from apps.lineage.models import LineageEdge, Relation

EDGES_MAX = 500
_WORDS = dict(Relation.choices)

# The walk stays inside the teams the actor sees: an edge of another team is neither shown nor passed through.
_WALK = """
WITH RECURSIVE walk(id, near_type, near_id, depth) AS (
  SELECT e.id, e.{far}_type, e.{far}_id, 1 FROM lineage_lineageedge e
   WHERE e.{near}_type = %(type)s AND e.{near}_id = %(id)s AND {scope}
  UNION
  SELECT e.id, e.{far}_type, e.{far}_id, walk.depth + 1 FROM lineage_lineageedge e
    JOIN walk ON e.{near}_type = walk.near_type AND e.{near}_id = walk.near_id
   WHERE walk.depth < %(depth)s AND {scope}
)
SELECT e.id, e.subject_type, e.subject_id, e.subject_label, e.relation,
       e.object_type, e.object_id, e.object_label, e.at, first.depth
  FROM (SELECT id, min(depth) AS depth FROM walk GROUP BY id) first
  JOIN lineage_lineageedge e ON e.id = first.id
 ORDER BY first.depth, e.at, e.id
 LIMIT %(limit)s
"""


def lineage_of(
    actor: Actor, thing_type: str, thing_id: uuid.UUID, *, depth: int = 12, limit: int = EDGES_MAX
) -> Lineage:
    """Edges above and below a thing (`thing_type` as in "registry.modelversion"), each once, nearest first."""
    up, up_cut = _walk(actor, thing_type, thing_id, near="subject", far="object", depth=depth, limit=limit)
    down, down_cut = _walk(actor, thing_type, thing_id, near="object", far="subject", depth=depth, limit=limit)
    found = iter(nodes_linked(node for edge in (*up, *down) for node in (edge.subject, edge.object)))
    linked = [replace(edge, subject=next(found), object=next(found)) for edge in (*up, *down)]
    return Lineage(upstream=tuple(linked[: len(up)]), downstream=tuple(linked[len(up) :]), cut=up_cut or down_cut)


def nodes_linked(nodes: Iterable[Node]) -> list[Node]:
    """The same nodes with the addresses of their pages, a query for each kind of thing at most."""
    given = list(nodes)
    links = links_of((node.type, node.id) for node in given)
    return [replace(node, url=links.get((node.type, str(node.id)), "")) for node in given]


def descendants_of(actor: Actor, thing_type: str, thing_id: uuid.UUID) -> list[Node]:
    """Every thing that came of this one, each once (invariant I7)."""
    edges, _ = _walk(actor, thing_type, thing_id, near="object", far="subject", depth=1000, limit=1_000_000)
    seen: dict[tuple[str, uuid.UUID], Node] = {}
    for edge in edges:
        seen.setdefault((edge.subject.type, edge.subject.id), edge.subject)
    return list(seen.values())


def edge_exists(*, subject_type: str, subject_id: uuid.UUID, relation: str, object_type: str = "") -> bool:
    """Has the thing an edge of this relation (to a thing of this type)?"""
    rows = LineageEdge.objects.filter(subject_type=subject_type, subject_id=subject_id, relation=relation)
    if object_type:
        rows = rows.filter(object_type=object_type)
    return rows.exists()


def _walk(
    actor: Actor, thing_type: str, thing_id: uuid.UUID, *, near: str, far: str, depth: int, limit: int
) -> tuple[tuple[Edge, ...], bool]:
    team_ids = actor.team_ids("view")
    scope = "TRUE" if team_ids is None else "e.team_id = ANY(%(teams)s)"
    # `near`, `far` and `scope` are this module's own words; all values are parameters.
    sql = _WALK.format(near=near, far=far, scope=scope)
    values: dict[str, Any] = {
        "type": thing_type,
        "id": thing_id,
        "depth": depth,
        "limit": limit + 1,
        "teams": sorted(team_ids or ()),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    edges = tuple(
        Edge(
            subject=Node(row[1], row[2], row[3]),
            relation=row[4],
            relation_words=_WORDS.get(row[4], row[4]),
            object=Node(row[5], row[6], row[7]),
            at=row[8],
            depth=row[9],
        )
        for row in rows[:limit]
    )
    return edges, len(rows) > limit
