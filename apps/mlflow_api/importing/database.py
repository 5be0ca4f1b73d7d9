"""The SQLite database that `mlflow server` and the client keep by default, opened for reading only."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from apps.mlflow_api.importing.folder import MODEL_STATUSES, layout_of
from apps.mlflow_api.importing.local import ArtifactPlaces
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

_BATCH = 10_000
# Folders in which a server keeps its files when nobody says where.
_USUAL = ("mlartifacts", "mlruns")
_DATASETS = """
SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type AS source_type, d.dataset_source AS source,
       d.dataset_schema AS "schema", d.dataset_profile AS profile
FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
WHERE i.source_type = 'DATASET' AND i.destination_type = 'RUN' AND i.destination_id = ?
"""


class _Row(dict[str, Any]):
    """A row by its columns; an older database lacks some, which then hold nothing."""

    def __missing__(self, name: str) -> None:
        return None


class DatabaseSource:
    """A file such as `mlflow.db`; artifacts lie in the folders given, or beside it where MLflow puts them."""

    def __init__(self, file: Path, leave: Leave, *, artifacts: Sequence[Path] = ()) -> None:
        file = file.resolve()
        if not file.is_file():
            raise SourceFailed(f"There is no file {file}.")
        self.label = f"sqlite:///{file}"
        self._places = ArtifactPlaces([*artifacts, *(file.parent / name for name in _USUAL)], leave)
        self._leave = leave
        self._base = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
        self._base.row_factory = _row
        self._base.text_factory = lambda raw: raw.decode(errors="replace")
        # What a hostile file holds besides tables is not run.
        self._base.execute("PRAGMA trusted_schema = OFF")
        try:
            rows = self._base.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        except sqlite3.DatabaseError as error:
            raise SourceFailed(f"{file} is no SQLite database: {error}") from error
        self._tables = {row["name"] for row in rows}
        if not {"experiments", "runs", "metrics", "params", "tags"} <= self._tables:
            raise SourceFailed(f"{file} is not a database of MLflow's.")

    def _rows(self, statement: str, *values: Any) -> Iterator[_Row]:
        """Raises SourceFailed for a database of another version."""
        try:
            found = self._base.execute(statement, values)
            while batch := found.fetchmany(_BATCH):
                yield from batch
        except (sqlite3.Error, OverflowError) as error:
            raise SourceFailed(
                f"The database is of a version that is not known here ({error}). Start that MLflow's server on it and "
                "import from its address."
            ) from error

    def _pairs(self, table: str, where: str, *values: Any, key: str = "key", value: str = "value") -> dict[str, str]:
        """{key: value} of rows of a table that may be missing; names come from this module only."""
        if table not in self._tables:
            return {}
        rows = self._rows(f"SELECT {key} AS k, {value} AS v FROM {table} WHERE {where}", *values)  # noqa: S608
        return {_text(row["k"]): _text(row["v"]) for row in rows}

    def experiments(self) -> Iterator[SourceExperiment]:
        for row in self._rows("SELECT * FROM experiments ORDER BY experiment_id"):
            yield SourceExperiment(
                id=str(row["experiment_id"]),
                name=_text(row["name"]),
                tags=self._pairs("experiment_tags", "experiment_id = ?", row["experiment_id"]),
                deleted=row["lifecycle_stage"] == "deleted",
                created=_whole(row, "creation_time"),
            )

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        for row in self._rows("SELECT * FROM runs WHERE experiment_id = ? ORDER BY run_uuid", experiment.id):
            run_id = _text(row["run_uuid"])
            keys = self._rows("SELECT DISTINCT key FROM metrics WHERE run_uuid = ?", run_id)
            yield SourceRun(
                id=run_id,
                experiment_id=experiment.id,
                name=_text(row["name"]),
                user=_text(row["user_id"]),
                status=_text(row["status"]),
                started=_whole(row, "start_time"),
                ended=_whole(row, "end_time"),
                deleted=row["lifecycle_stage"] == "deleted",
                params=self._pairs("params", "run_uuid = ?", run_id),
                tags=self._pairs("tags", "run_uuid = ?", run_id),
                metric_keys=[_text(metric["key"]) for metric in keys],
                datasets=self._datasets(run_id),
                read=[model for model, _ in self._models_of(run_id, "MODEL_INPUT")],
                written=self._models_of(run_id, "MODEL_OUTPUT"),
                location=_text(row["artifact_uri"]),
            )

    def _datasets(self, run_id: str) -> list[dict[str, Any]]:
        if not {"inputs", "datasets"} <= self._tables:
            return []
        found = []
        for row in self._rows(_DATASETS, run_id):
            tags = self._pairs("input_tags", "input_uuid = ?", row["input_uuid"], key="name")
            names = ("name", "digest", "source_type", "source", "schema", "profile")
            dataset = {name: _text(row[name]) for name in names if row[name] is not None}
            found.append({"dataset": dataset, "tags": [{"key": k, "value": v} for k, v in tags.items()]})
        return found

    def _models_of(self, run_id: str, kind: str) -> list[tuple[str, int]]:
        """(logged model, step) of those that a run read (MODEL_INPUT) or wrote (MODEL_OUTPUT)."""
        if not {"inputs", "logged_models"} <= self._tables:
            return []
        # The run stands at the source of both links in MLflow's table, the model at the destination.
        statement = (
            "SELECT destination_id, step FROM inputs WHERE destination_type = ? AND source_id = ? "
            "AND source_type IN ('RUN_INPUT', 'RUN_OUTPUT')"
        )
        return [(_text(row["destination_id"]), _whole(row, "step")) for row in self._rows(statement, kind, run_id)]

    def history(self, run: SourceRun) -> Iterator[Measured]:
        measured = self._measured_models(run.id)
        for row in self._rows("SELECT * FROM metrics WHERE run_uuid = ? ORDER BY key", run.id):
            key, step, timestamp = _text(row["key"]), _whole(row, "step"), _whole(row, "timestamp")
            value = math.nan if row["is_nan"] else _real(row, "value")
            point = Measured(key, value, timestamp, step)
            yield from measured.pop((key, step, timestamp, repr(value)), [point])

    def _measured_models(self, run_id: str) -> dict[tuple[str, int, int, str], list[Measured]]:
        """Measurements of logged models, by key, step, time and value: the table of metrics knows no models."""
        found: dict[tuple[str, int, int, str], list[Measured]] = defaultdict(list)
        if "logged_model_metrics" in self._tables:
            for row in self._rows("SELECT * FROM logged_model_metrics WHERE run_id = ?", run_id):
                value = _real(row, "metric_value")
                point = Measured(
                    key=_text(row["metric_name"]),
                    value=value,
                    timestamp=_whole(row, "metric_timestamp_ms"),
                    step=_whole(row, "metric_step"),
                    model_id=_text(row["model_id"]),
                    dataset_name=_text(row["dataset_name"]),
                    dataset_digest=_text(row["dataset_digest"]),
                )
                found[point.key, point.step, point.timestamp, repr(value)].append(point)
        return found

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        if "logged_models" not in self._tables:
            return
        statement = "SELECT * FROM logged_models WHERE experiment_id = ? ORDER BY creation_timestamp_ms, model_id"
        for row in self._rows(statement, experiment.id):
            if row["lifecycle_stage"] == "deleted":
                continue
            model_id = _text(row["model_id"])
            yield SourceModel(
                id=model_id,
                experiment_id=experiment.id,
                name=_text(row["name"]),
                status=MODEL_STATUSES.get(row["status"], ""),
                model_type=_text(row["model_type"]),
                run_id=_text(row["source_run_id"]),
                params=self._model_pairs("param", model_id),
                tags=self._model_pairs("tag", model_id),
                location=_text(row["artifact_location"]),
            )

    def _model_pairs(self, kind: str, model_id: str) -> dict[str, str]:
        return self._pairs(f"logged_model_{kind}s", "model_id = ?", model_id, key=f"{kind}_key", value=f"{kind}_value")

    def registered(self) -> Iterator[SourceRegistered]:
        if not {"registered_models", "model_versions"} <= self._tables:
            return
        for row in self._rows("SELECT * FROM registered_models ORDER BY name"):
            name = _text(row["name"])
            aliases = self._pairs("registered_model_aliases", "name = ?", name, key="alias", value="version")
            yield SourceRegistered(
                name=name,
                description=_text(row["description"]),
                tags=self._pairs("registered_model_tags", "name = ?", name),
                aliases={alias: int(number) for alias, number in aliases.items() if number.isdecimal()},
                versions=[
                    self._version(version, name)
                    for version in self._rows("SELECT * FROM model_versions WHERE name = ? ORDER BY version", name)
                    if version["current_stage"] != "Deleted_Internal"
                ],
            )

    def _version(self, row: _Row, name: str) -> SourceVersion:
        return SourceVersion(
            name=name,
            number=_whole(row, "version"),
            source=_text(row["source"]),
            run_id=_text(row["run_id"]),
            model_id="",
            stage=_text(row["current_stage"]) or "None",
            description=_text(row["description"]),
            run_link=_text(row["run_link"]),
            tags=self._pairs("model_version_tags", "name = ? AND version = ?", name, row["version"]),
        )

    def files(self, owner: SourceRun | SourceModel) -> list[SourceFile]:
        return self._places.files(owner.location, layout_of(owner), owner.id)

    def others(self) -> dict[str, int]:
        known = {"trace_info": "traces", "evaluation_datasets": "evaluation datasets", "webhooks": "webhooks"}
        tables = {table: word for table, word in known.items() if table in self._tables}
        counted = {
            word: next(self._rows(f"SELECT count(*) AS n FROM {table}"))["n"]  # noqa: S608 - names from above
            for table, word in tables.items()
        }
        return {word: count for word, count in counted.items() if count}


def _text(value: Any) -> str:
    """A text without NUL, which PostgreSQL cannot hold."""
    return "" if value is None else str(value).replace("\x00", "")


def _whole(row: _Row, name: str) -> int:
    """A whole number; 0 for anything else, since SQLite keeps every type in every column."""
    value = row[name]
    return value if isinstance(value, int) else 0


def _real(row: _Row, name: str) -> float:
    """A number; NaN where there is none."""
    value = row[name]
    return float(value) if isinstance(value, int | float) else math.nan


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> _Row:
    return _Row(zip((column[0] for column in cursor.description), values, strict=True))
