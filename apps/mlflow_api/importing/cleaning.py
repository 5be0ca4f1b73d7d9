"""What of a source can be written, by the rules of the door: the rest is noted and left behind, or cut."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from apps.core.errors import Invalid
from apps.experiments.contracts import NAME_TAG, NOTES_TAG, USER_TAG, RunCopy
from apps.experiments.services import MetricPoint
from apps.mlflow_api.api.limits import DATASET, PARAM, TAG, dataset_of, key_of
from apps.mlflow_api.api.runs import code_of
from apps.mlflow_api.door import LARGEST
from apps.mlflow_api.importing.records import Leave, Measured, SourceRun

NAME = 250
_HEX = re.compile(r"[0-9a-f]{32}")
_STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")


def id_kept(text: str) -> uuid.UUID | None:
    """The id of a run (32 hexadecimal digits) or a logged model (m- before them); None for any other."""
    digits = text.removeprefix("m-")
    return uuid.UUID(hex=digits) if _HEX.fullmatch(digits) else None


def id_made(team_id: uuid.UUID, label: str, text: str) -> uuid.UUID:
    """An id for what cannot keep its own: always the same for the same thing in the same team."""
    return uuid.uuid5(team_id, f"{label}#{text}")


def moment(millis: int) -> datetime | None:
    """A time in milliseconds since 1970; None for 0 and for what no calendar knows."""
    try:
        return datetime.fromtimestamp(millis / 1000, tz=UTC) if millis else None
    except (ValueError, OverflowError, OSError):
        return None


def cut(text: str, limit: int, leave: Leave, what: str, name: str) -> str:
    """The text, cut with a note where it is longer."""
    if len(text) > limit:
        leave(what, name, f"It has {len(text):,} characters: the first {limit:,} came.")
    return text[:limit]


def pairs_clean(pairs: Mapping[str, str], limit: int, leave: Leave, what: str, owner: str) -> dict[str, str]:
    """Params or tags whose keys the door takes, cut where they are too long."""
    clean = {}
    for key, value in pairs.items():
        try:
            clean[key_of({"key": key})] = cut(value, limit, leave, what, f"{key} of {owner}")
        except Invalid as error:
            leave(what, f"{key} of {owner}", error.detail)
    return clean


def run_clean(run: SourceRun, run_id: uuid.UUID, leave: Leave) -> RunCopy:
    """A run as it can be written under an id."""
    owner = f"run {run.id}"
    tags = pairs_clean(run.tags, TAG, leave, "tag", owner)
    name, notes, user = tags.pop(NAME_TAG, ""), tags.pop(NOTES_TAG, ""), tags.get(USER_TAG, "")
    status = run.status if run.status in _STATUSES else "FAILED"
    if status != run.status:
        leave("status", owner, f"{run.status[:40]!r} is none of MLflow's: FAILED stands for it.")
    started = moment(run.started)
    if started is None:
        leave("start", owner, "It says no time of its start: the beginning of 1970 stands for it.")
    datasets = []
    for index, row in enumerate(run.datasets):
        try:
            datasets.append(dataset_of(row, index))
        except Invalid as error:
            leave("dataset", f"{index + 1} of {owner}", error.detail)
    return RunCopy(
        id=run_id,
        name=cut(run.name or name or run.id or "unnamed", NAME, leave, "name", owner),
        status=status,
        started_at=started or datetime(1970, 1, 1, tzinfo=UTC),
        ended_at=moment(run.ended),
        user_name=run.user or user,
        notes=notes,
        params=pairs_clean(run.params, PARAM, leave, "param", owner),
        tags=tags,
        code=code_of(tags),
        datasets=datasets,
    )


def points_clean(run: SourceRun, history: Iterable[Measured], leave: Leave) -> Iterator[MetricPoint]:
    """The measurements that can be written."""
    judged: dict[str, bool] = {}
    for point in history:
        if point.key not in judged:
            judged[point.key] = bool(pairs_clean({point.key: ""}, 0, leave, "metric", f"run {run.id}"))
        if not judged[point.key]:
            continue
        if not all(-(2**63) <= number < 2**63 for number in (point.step, point.timestamp)):
            leave("metric", f"{point.key} of run {run.id}", "A step or a time is no 64-bit number.")
            continue
        yield MetricPoint(
            point.key,
            max(-LARGEST, min(LARGEST, point.value)) if point.value == point.value else point.value,
            point.timestamp,
            point.step,
            id_kept(point.model_id) if point.model_id else None,
            point.dataset_name[: DATASET["name"]] or None,
            point.dataset_digest[: DATASET["digest"]] or None,
        )
