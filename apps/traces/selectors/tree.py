"""The spans of a trace as a tree, in the order in which a page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.traces.models import Span, Trace


@dataclass(frozen=True, slots=True)
class Branch:
    """A span without its values; `depth` counts from 0, times in nanoseconds since 1970."""

    key: str
    parent: str
    name: str
    type: str
    status: str
    started_ns: int
    ended_ns: int | None
    depth: int = 0
    children: int = 0


def span_tree(trace: Trace) -> list[Branch]:
    """All spans, each followed by those below it as they began. One whose parent has not come stands as a root."""
    names = ("key", "parent", "name", "type", "status", "started_ns", "ended_ns")
    rows = Span.objects.filter(trace=trace).order_by("started_ns", "id").values_list(*names)
    return branches_ordered([Branch(*row) for row in rows])


def branches_ordered(branches: Iterable[Branch]) -> list[Branch]:
    """Depth first. Spans that are each other's parents are shown from the first one on, each once."""
    held = list(branches)
    below: dict[str, list[Branch]] = {}
    keys = {branch.key for branch in held}
    for branch in held:
        below.setdefault(branch.parent if branch.parent in keys else "", []).append(branch)
    ordered: list[Branch] = []
    seen: set[str] = set()
    for start in [*below.get("", []), *held]:
        todo = [(start, 0)]
        while todo:
            branch, depth = todo.pop()
            if branch.key in seen:
                continue
            seen.add(branch.key)
            children = below.get(branch.key, [])
            ordered.append(replace(branch, depth=depth, children=len(children)))
            todo += [(child, depth + 1) for child in reversed(children)]
    return ordered


def span_find(trace: Trace, key: str) -> Span | None:
    """A span with its values."""
    return Span.objects.filter(trace=trace, key=key[:17]).first() if "\x00" not in key else None


def span_failed(trace: Trace) -> Span | None:
    """The span that failed last to begin: the deepest cause is there."""
    return Span.objects.filter(trace=trace, status="ERROR").order_by("-started_ns", "-id").first()
