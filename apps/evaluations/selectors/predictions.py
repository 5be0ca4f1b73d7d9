"""What a table of predictions offers: columns that may hold answers, and what they can be compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.contracts.metrics import BINARY, MULTICLASS
from apps.core.actors import Actor
from apps.datasets.contracts import ColumnRole, ColumnType
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.registry.contracts import live_version_ids
from workers.contracts.answers import MOST_LABELS

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import Problem, ProblemVersion
    from apps.registry.models import ModelVersion

_NUMBERS = (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.BOOLEAN)
_NAMED_SO = re.compile(r"score|prob|pred|estim|said|answer|risk", re.IGNORECASE)
MOST_VERSIONS = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """A column that may hold answers; `fits` when its values look like them."""

    name: str
    values: str
    fits: bool


def judge_obstacle(data: DatasetVersion) -> str:
    """Why predictions in a table cannot be judged now, in a sentence; empty when they can."""
    problem = data.dataset.problem
    if problem is None:
        return "Its dataset belongs to no problem, so nothing says what the rows ask."
    if data.state != data.State.SEALED or data.purged_at is not None:
        return "Only the rows of a sealed version whose bytes are here can be judged."
    agreed = problems.version_current(problem)
    if agreed is None:
        return "The problem is not accepted yet, so nothing says what to measure."
    if not any(one["name"] == agreed.target and one["role"] == ColumnRole.TARGET for one in data.schema):
        return f"It has no column “{agreed.target}” in the role of the target, so the truth is not known."
    return ""


def answer_offers(data: DatasetVersion, agreed: ProblemVersion) -> list[Offer]:
    """The columns that may hold answers: those whose values fit first, of them those with such a name."""
    profiles = {str(one["name"]): one for one in (data.profile or {}).get("columns", [])}
    labels = _values(profiles.get(agreed.target, {}))
    offers = []
    for column in data.schema:
        name, profile = str(column["name"]), profiles.get(str(column["name"]), {})
        if name == agreed.target or column["role"] == ColumnRole.ID:
            continue
        if agreed.task == MULTICLASS:
            if 0 < (profile.get("distinct") or 0) <= MOST_LABELS:
                offers.append(Offer(name, _told(profile), bool(_values(profile) & labels)))
        elif profile.get("type") in _NUMBERS:
            offers.append(Offer(name, _told(profile), agreed.task != BINARY or _is_score(profile)))
    return sorted(offers, key=lambda one: (not one.fits, not _NAMED_SO.search(one.name)))


def prefix_offer(data: DatasetVersion, agreed: ProblemVersion) -> str:
    """What the score columns of all labels begin with, such as "p_"; empty when there are none."""
    names = {str(one["name"]) for one in data.schema}
    labels = sorted(_values(next((one for one in _profiles(data) if one["name"] == agreed.target), {})))
    if agreed.task != MULTICLASS or not labels:
        return ""
    begins = (name.removesuffix(labels[0]) for name in sorted(names) if name.endswith(labels[0]))
    return next((begin for begin in begins if begin and all(begin + label in names for label in labels)), "")


def against_list(actor: Actor, data: DatasetVersion, problem: Problem, task: str) -> tuple[list[ModelVersion], Any]:
    """(versions that say something of these rows, the id of the one that answers in production if it is among them).

    They were brought for the same rows, or read columns that the table has.
    """
    held = {str(one["name"]) for one in data.schema}
    rows = registry.version_list(actor, problem_id=problem.pk).filter(state="SEALED", task=task)
    rows = rows.defer("manifest", "importance", "environment", "complexity").order_by("-id")
    found = [one for one in rows[:MOST_VERSIONS] if _reads(one, data, held)]
    live = set(live_version_ids({one.model_id for one in found}).values())
    return found, next((one.pk for one in found if one.pk in live), None)


def _reads(version: ModelVersion, data: DatasetVersion, held: set[str]) -> bool:
    if version.brought_on_id is not None:
        return bool(version.brought_on_id == data.pk)
    inputs = version.signature.get("inputs") or []
    return bool(inputs) and held.issuperset(tensor["name"] for tensor in inputs)


def _profiles(data: DatasetVersion) -> list[Mapping[str, Any]]:
    return list((data.profile or {}).get("columns", []))


def _values(profile: Mapping[str, Any]) -> set[str]:
    return {str(value) for value, _ in profile.get("top") or ()}


def _is_score(profile: Mapping[str, Any]) -> bool:
    low, high = profile.get("min"), profile.get("max")
    return isinstance(low, int | float) and isinstance(high, int | float) and low >= 0 and high <= 1


def _told(profile: Mapping[str, Any]) -> str:
    """The range of a column of numbers, the first values of another."""
    if profile.get("type") in (ColumnType.INTEGER, ColumnType.NUMBER):
        return f"{profile.get('min'):.4g} to {profile.get('max'):.4g}" if profile.get("min") is not None else ""
    return ", ".join(str(value)[:20] for value, _ in (profile.get("top") or ())[:3])
