"""An `mlruns` folder, as MLflow's file store writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apps.core.errors import Invalid
from apps.mlflow_api.door import text_of, whole_of
from apps.mlflow_api.importing.local import ArtifactPlaces, Folder, file_chunks
from apps.mlflow_api.importing.records import (
    Leave,
    Measured,
    SourceExperiment,
    SourceFailed,
    SourceFile,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceVersion,
)

_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
MODEL_STATUSES = {1: "LOGGED_MODEL_PENDING", 2: "LOGGED_MODEL_READY", 3: "LOGGED_MODEL_UPLOAD_FAILED"}
# Folders beside the runs of an experiment, and beside the experiments.
_NO_RUNS = ("tags", "datasets", "traces", "models")
_NO_EXPERIMENTS = (".trash", "models")
_LINE_LIMIT = 4_000


class FolderSource:
    """The folder that holds the experiments' folders; files lie in it or in the folders given beside it."""

    def __init__(self, root: Path, leave: Leave, *, artifacts: Sequence[Path] = ()) -> None:
        self._folder = Folder(root, leave)
        self._leave = leave
        self.label = f"file://{self._folder.root}"
        if not self._folder.root.is_dir():
            raise SourceFailed(f"There is no folder {root}.")
        top = self._folder.root
        self._places = ArtifactPlaces([top, top / ".trash", *artifacts], leave)
        # Folders of experiments and runs by id, known once these were read.
        self._at: dict[str, Path] = {}

    def experiments(self) -> Iterator[SourceExperiment]:
        top = self._folder.root
        for place in [*self._folder.folders(top), *self._folder.folders(top / ".trash")]:
            if place.name in _NO_EXPERIMENTS and place.parent == top:
                continue
            with self._judged("experiment", place):
                meta = self._folder.meta(place)
                if not meta:
                    continue
                self._at[place.name] = place
                yield SourceExperiment(
                    id=place.name,
                    name=_text(meta, "name"),
                    tags=self._folder.values(place / "tags"),
                    deleted=meta.get("lifecycle_stage") == "deleted" or place.parent != top,
                    created=whole_of(meta, "creation_time", 0),
                )

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        home = self._at[experiment.id]
        datasets = {place.name: place for place in self._folder.folders(home / "datasets")}
        for place in self._folder.folders(home):
            if place.name in _NO_RUNS:
                continue
            with self._judged("run", place):
                meta = self._folder.meta(place)
                if not meta:
                    continue
                self._at[place.name] = place
                yield SourceRun(
                    id=place.name,
                    experiment_id=experiment.id,
                    name=_text(meta, "run_name") or _text(meta, "name"),
                    user=_text(meta, "user_id"),
                    status=_STATUSES.get(whole_of(meta, "status", 1), ""),
                    started=whole_of(meta, "start_time", 0),
                    ended=whole_of(meta, "end_time", 0),
                    deleted=meta.get("lifecycle_stage") == "deleted",
                    params=self._folder.values(place / "params"),
                    tags=self._folder.values(place / "tags"),
                    metric_keys=[key for key, _, _ in self._folder.walk(place / "metrics")],
                    datasets=self._datasets(place, datasets),
                    read=[_text(row, "source_id") for row in self._rows(place / "inputs", "MODEL")],
                    written=[
                        (_text(row, "destination_id") or _text(row, "source_id"), whole_of(row, "step", 0))
                        for row in self._rows(place / "outputs", "MODEL_OUTPUT")
                    ],
                    location=_text(meta, "artifact_uri"),
                )

    def _rows(self, folder: Path, kind: str) -> list[dict[str, Any]]:
        """The links of a run that are of a kind (what they lead from, or for what was made, what they lead to)."""
        rows = [self._folder.meta(place) for place in self._folder.folders(folder)]
        return [row for row in rows if kind in (row.get("source_type"), row.get("destination_type"))]

    def _datasets(self, run: Path, datasets: Mapping[str, Path]) -> list[dict[str, Any]]:
        found = []
        for row in self._rows(run / "inputs", "DATASET"):
            place = datasets.get(_text(row, "source_id"))
            if place is None:
                self._leave("dataset", f"of run {run.name}", "The run names data that the folder does not describe.")
                continue
            tags = row.get("tags")
            pairs = [{"key": k, "value": v} for k, v in (tags if isinstance(tags, dict) else {}).items()]
            found.append({"dataset": self._folder.meta(place), "tags": pairs})
        return found

    def history(self, run: SourceRun) -> Iterator[Measured]:
        for key, place, _ in self._folder.walk(self._at[run.id] / "metrics"):
            for number, line in enumerate(_lines(place), start=1):
                try:
                    yield _measured(key, line.split())
                except (ValueError, IndexError, OverflowError):
                    self._leave("metric", f"{key} of run {run.id}", f"Line {number} is no measurement.")

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        for place in self._folder.folders(self._at[experiment.id] / "models"):
            with self._judged("logged model", place):
                meta = self._folder.meta(place)
                if not meta or meta.get("lifecycle_stage") == "deleted":
                    continue
                yield SourceModel(
                    id=place.name,
                    experiment_id=experiment.id,
                    name=_text(meta, "name"),
                    status=MODEL_STATUSES.get(whole_of(meta, "status", 0), ""),
                    model_type=_text(meta, "model_type"),
                    run_id=_text(meta, "source_run_id"),
                    params=self._folder.values(place / "params"),
                    tags=self._folder.values(place / "tags"),
                    location=_text(meta, "artifact_location"),
                )

    def registered(self) -> Iterator[SourceRegistered]:
        for place in self._folder.folders(self._folder.root / "models"):
            with self._judged("registered model", place):
                meta = self._folder.meta(place)
                if not meta:
                    continue
                aliases = self._folder.values(place / "aliases")
                yield SourceRegistered(
                    name=_text(meta, "name"),
                    description=_text(meta, "description"),
                    tags=self._folder.values(place / "tags"),
                    aliases={name: whole_of(aliases, name) for name in aliases},
                    versions=sorted(self._versions(place), key=lambda version: version.number),
                )

    def _versions(self, model: Path) -> Iterator[SourceVersion]:
        for place in self._folder.folders(model):
            if not place.name.startswith("version-"):
                continue
            with self._judged("version", place):
                meta = self._folder.meta(place)
                if not meta or meta.get("current_stage") == "Deleted_Internal":
                    continue
                yield SourceVersion(
                    name=_text(meta, "name"),
                    number=whole_of(meta, "version"),
                    source=_text(meta, "source"),
                    run_id=_text(meta, "run_id"),
                    model_id=_text(meta, "model_id"),
                    stage=_text(meta, "current_stage") or "None",
                    description=_text(meta, "description"),
                    run_link=_text(meta, "run_link"),
                    tags=self._folder.values(place / "tags"),
                )

    def files(self, owner: SourceRun | SourceModel) -> list[SourceFile]:
        return self._places.files(owner.location, layout_of(owner), owner.id)

    def others(self) -> dict[str, int]:
        traces = sum(len(self._folder.folders(place / "traces")) for place in self._at.values())
        return {"traces": traces}

    @contextmanager
    def _judged(self, what: str, place: Path) -> Iterator[None]:
        """What cannot be read of one thing leaves that thing behind."""
        try:
            yield
        except (Invalid, SourceFailed) as error:
            self._leave(what, place.name, error.detail)


def layout_of(owner: SourceRun | SourceModel) -> str:
    """Where MLflow keeps the files of a run or a logged model below its root."""
    folder = "models/" if isinstance(owner, SourceModel) else ""
    return f"{owner.experiment_id}/{folder}{owner.id}/artifacts"


def _text(row: Mapping[str, Any], name: str) -> str:
    """A text, or a whole number that stands for one, as in old folders."""
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(row, name, required=False)


def _lines(place: Path) -> Iterator[str]:
    """The lines of a file of any length; one that is longer than any of MLflow's is cut."""
    rest = b""
    for chunk in file_chunks(place):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line[:_LINE_LIMIT].decode(errors="replace") for line in whole if line.strip())
        rest = rest[:_LINE_LIMIT]
    if rest.strip():
        yield rest.decode(errors="replace")


def _measured(key: str, parts: Sequence[str]) -> Measured:
    """A line of time, value, step, and the data that it was measured on. Raises ValueError, IndexError."""
    data = parts[3:5] if len(parts) >= 5 else ("", "")
    return Measured(
        key=key,
        value=float(parts[1]),
        timestamp=int(parts[0]),
        step=int(parts[2]) if len(parts) > 2 else 0,
        dataset_name=data[0],
        dataset_digest=data[1],
    )
