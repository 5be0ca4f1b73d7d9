"""What the live version said to one row, in the words of its problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.problems import selectors as problems

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class ClassSaid:
    """A class with its word ("will miss it" for "1"; the class itself where the problem has none) and its chance."""

    label: str
    word: str
    chance: float


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: a class with the chances of all, or a number. `decides` is the class that the threshold is about."""

    label: str = ""
    word: str = ""
    classes: tuple[ClassSaid, ...] = ()
    threshold: float | None = None
    decides: str = ""
    value: Any = None


def answers_said(body: dict[str, Any], version: ModelVersion) -> list[Said]:
    """The predictions of an answer of the gateway."""
    words = _class_words(version)
    positive = str(version.classes[1]) if version.classes and len(version.classes) == 2 else ""
    found = []
    for row in body.get("predictions", []):
        if not isinstance(row, dict) or row.get("label") is None:
            found.append(Said(value=row))
            continue
        label = str(row["label"])
        chances = row.get("probabilities") or {}
        found.append(
            Said(
                label,
                words.get(label, label),
                tuple(ClassSaid(name, words.get(name, name), chance) for name, chance in chances.items()),
                version.threshold,
                words.get(positive, positive),
            )
        )
    return found


def _class_words(version: ModelVersion) -> dict[str, str]:
    """{class: word} of two classes; nothing where the problem states no words, or calls another class positive."""
    problem = version.model.problem
    agreed = problems.version_current(problem) if problem else None
    if agreed is None or not version.classes or len(version.classes) != 2:
        return {}
    negative, positive = (str(one) for one in version.classes)
    if not (agreed.positive_word and agreed.negative_word) or agreed.positive_label != positive:
        return {}
    return {positive: agreed.positive_word, negative: agreed.negative_word}
