"""What an evaluation is given: the spec, the rows, and what each model says about them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.contracts.costs import COSTS_OF, TaskCosts, costs_read
from analysis.contracts.metrics import MULTICLASS, TASKS
from analysis.contracts.segments import SegmentSpec, Support
from analysis.intervals import Floats


@dataclass(frozen=True, slots=True)
class EvaluateSpec:
    """What to evaluate, beside the rows.

    `margins` (metric -> difference that does not matter, in the metric's stored unit) decides between "no difference"
    and "not proven". `classes` are the labels behind class numbers of many classes; `tolerance` is the distance
    within which a regression counts as right. `triples` are crossings of three segments, by their names. `controls`
    are segments within whose levels the disparities of the others are given too, so that like is compared with like.
    `top_k` asks for the share of rows whose class is among the first k, `sensitivities` for the specificity where
    recall reaches a share, `custom` for registered metrics of one's own; `cutoffs` are the ranks down to which a
    ranking is judged.
    """

    task: str
    segments: tuple[SegmentSpec, ...] = ()
    positive_label: str | None = None
    classes: tuple[str, ...] | None = None
    costs: TaskCosts | None = None
    least_support: Support = field(default_factory=Support)
    margins: Mapping[str, float] = field(default_factory=dict)
    tolerance: float | None = None
    level: float = 0.95
    crossings: bool = True
    triples: tuple[tuple[str, str, str], ...] = ()
    controls: tuple[str, ...] = ()
    top_k: tuple[int, ...] = ()
    sensitivities: tuple[float, ...] = ()
    custom: tuple[str, ...] = ()
    cutoffs: tuple[int, ...] = (10,)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"The task is one of {', '.join(TASKS)}, not {self.task}")
        if not 0.5 < self.level < 1:
            raise ValueError("The level of intervals lies between 0.5 and 1")
        if self.task == MULTICLASS and not self.classes:
            raise ValueError("Many classes need their labels")
        if self.costs is not None and not isinstance(self.costs, COSTS_OF.get(self.task, ())):
            raise ValueError("The costs of errors are those of the task")
        names = [segment.name for segment in self.segments]
        if len(set(names)) != len(names):
            raise ValueError("Every segment has a name of its own")
        if any(k < 1 for k in (*self.top_k, *self.cutoffs)):
            raise ValueError("The first k classes or items are at least one")
        if any(not 0 < share <= 1 for share in self.sensitivities):
            raise ValueError("A stated recall lies above 0 and is at most 1")
        if not set(self.controls) <= set(names) or (self.controls and not self.crossings):
            raise ValueError("A control is one of the segments, and needs their crossings")
        for three in self.triples:
            if len(three) != 3 or len(set(three)) != 3 or not set(three) <= set(names):
                raise ValueError("A crossing of three names three different segments")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EvaluateSpec":
        """From the spec of an evaluate job; keys that are not about evaluation are ignored."""
        task = str(data["task"])
        positive = data.get("positive_label")
        classes = data.get("classes")
        return cls(
            task=task,
            segments=tuple(SegmentSpec.from_json(one) for one in data.get("segments") or ()),
            positive_label=None if positive is None else str(positive),
            classes=None if not classes else tuple(str(one) for one in classes),
            costs=costs_read(task, data.get("costs")),
            least_support=Support.from_json(data.get("least_support")),
            margins={str(name): float(margin) for name, margin in (data.get("margins") or {}).items()},
            tolerance=None if data.get("tolerance") is None else float(data["tolerance"]),
            level=float(data.get("level", 0.95)),
            crossings=bool(data.get("crossings", True)),
            controls=tuple(str(one) for one in data.get("controls") or ()),
            top_k=tuple(int(one) for one in data.get("top_k") or ()),
            sensitivities=tuple(float(one) for one in data.get("sensitivities") or ()),
            cutoffs=tuple(int(one) for one in data.get("cutoffs") or (10,)),
            custom=tuple(str(one) for one in data.get("custom") or ()),
            triples=tuple(_three(one) for one in data.get("triples") or ()),
        )


def _three(names: Sequence[object]) -> tuple[str, str, str]:
    if len(names) != 3:
        raise ValueError("A crossing of three names three different segments")
    return str(names[0]), str(names[1]), str(names[2])


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What one model says about the rows.

    Two classes: `scores` [n], the probability of the positive label, and the threshold (score >= threshold is
    positive). Many classes: `scores` [n, K], or `predicted` [n] class numbers, or both. Regression: `predicted` [n].
    Ranking: `scores` [n].
    """

    scores: Floats | None = None
    predicted: npt.NDArray[np.generic] | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluationRows:
    """The scored rows, all arrays in the same order and without missing truths.

    `truth` is bool (two classes), class numbers (many), or floats (regression); `columns` holds what segments read;
    `weights` how much each row counts (above 0), or None. Of a ranking `truth` is
    the relevance and `queries` say which rows are ranked together.
    """

    row_ids: Sequence[object] | npt.NDArray[np.generic]
    truth: npt.NDArray[np.generic]
    columns: pa.Table
    candidate: ModelOutput
    baseline: ModelOutput | None = None
    weights: Floats | None = None
    queries: npt.NDArray[np.generic] | None = None


def row_digest(row_ids: Sequence[object] | npt.NDArray[np.generic], truth: npt.NDArray[np.generic]) -> str:
    """sha256 hex over row ids and truths, in the order of the ids: equal exactly for the same rows and
    labels.
    """
    ids = np.asarray(row_ids)
    if ids.dtype.kind not in "iu":
        ids = np.asarray([str(one) for one in row_ids], dtype=np.str_)
    order = np.argsort(ids, kind="stable")
    digest = hashlib.sha256(f"rows {ids.size}\n".encode())
    if ids.dtype.kind in "iu":
        digest.update(ids[order].astype("<i8").tobytes())
    else:
        digest.update("\x1f".join(ids[order].tolist()).encode())
    values = np.asarray(truth)
    if values.dtype.kind in "fiub":
        digest.update(values[order].astype("<f8").tobytes())
    else:
        digest.update("\x1f".join(str(one) for one in values[order].tolist()).encode())
    return digest.hexdigest()
