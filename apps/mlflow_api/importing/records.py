"""What a source holds, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.core.errors import FairwayError


class SourceFailed(FairwayError):
    """The source cannot be read, or answers with something that no MLflow says."""

    code = "source_failed"
    title = "The source cannot be read"


class SourceGone(SourceFailed):
    """The source does not answer any more: the import ends, and a second call goes on."""

    code = "source_gone"


@dataclass(frozen=True, slots=True)
class SourceExperiment:
    """An experiment; times in milliseconds since 1970, 0 for unknown."""

    id: str
    name: str
    tags: Mapping[str, str]
    deleted: bool
    created: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run without its history. `datasets` are in the shape of MLflow's log-inputs; `written` has model and step."""

    id: str
    experiment_id: str
    name: str
    user: str
    status: str
    started: int
    ended: int
    deleted: bool
    params: Mapping[str, str]
    tags: Mapping[str, str]
    # The keys of its history.
    metric_keys: Sequence[str] = ()
    datasets: Sequence[Mapping[str, Any]] = ()
    read: Sequence[str] = ()
    written: Sequence[tuple[str, int]] = ()
    location: str = ""


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A logged model."""

    id: str
    experiment_id: str
    name: str
    status: str
    model_type: str
    run_id: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    location: str = ""


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version of a registered model."""

    name: str
    number: int
    source: str
    run_id: str
    model_id: str
    stage: str
    description: str
    run_link: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SourceRegistered:
    """A registered model; `aliases` name numbers of versions."""

    name: str
    description: str
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: Sequence[SourceVersion] = field(default=())


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a run or a logged model; `size` in bytes."""

    path: str
    size: int
    chunks: Callable[[], Iterator[bytes]]


# What stays behind: what kind of thing, its name or id, and why.
Leave = Callable[[str, str, str], None]


class Source(Protocol):
    """Where an import reads. What cannot be read is left out with a reason; SourceFailed when nothing can."""

    # Without credentials; the same for the same place, so that a second import finds what the first one made.
    label: str

    def experiments(self) -> Iterator[SourceExperiment]: ...

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]: ...

    def history(self, run: SourceRun) -> Iterator[Measured]:
        """Every measurement of the run, key by key."""
        ...

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]: ...

    def registered(self) -> Iterator[SourceRegistered]: ...

    def files(self, owner: SourceRun | SourceModel) -> list[SourceFile]: ...

    def others(self) -> dict[str, int]:
        """{what an import does not know: how many of it there are}."""
        ...
