"""The source is read once more and compared with what is here: counts, params, and the hashes of files."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

from apps.core.blobs import blob_verify
from apps.experiments import selectors
from apps.mlflow_api.importing.cleaning import points_clean, run_clean
from apps.mlflow_api.importing.copying import Copier
from apps.mlflow_api.importing.records import SourceFailed, SourceGone, SourceModel, SourceRun
from apps.mlflow_api.importing.registry import RegistryCopier
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.experiments.models import Run


class Verifier:
    """Fills the counts of a report, and its list of what differs."""

    def __init__(self, copier: Copier, registry_copier: RegistryCopier) -> None:
        self._copier, self._registry = copier, registry_copier
        self._source, self._report = copier.source, copier.report
        # Hashes of stored bytes that were read again: many files have the same.
        self._sound: dict[str, bool] = {}

    def verify(self) -> None:
        """Raises SourceFailed, Unavailable."""
        there, here = self._report.there, self._report.here
        for kind in ("experiments", "runs", "measurements", "params", "logged models", "files", "registered models"):
            there[kind] = here[kind] = 0
        for experiment in self._source.experiments():
            there["experiments"] += 1
            experiment_id = self._copier.experiments.get(experiment.id)
            if experiment_id is None:
                continue
            here["experiments"] += 1
            held = selectors.run_ids(experiment_id)
            for run in self._source.runs(experiment):
                self._run(run, held)
            for model in self._source.models(experiment):
                there["logged models"] += 1
                model_id = self._copier.models.get(model.id)
                if model_id is not None:
                    here["logged models"] += 1
                    self._files(model, logged_model_id=model_id)
        self._registered()
        self._report.verified = True

    def _run(self, run: SourceRun, held: set[uuid.UUID]) -> None:
        there, here = self._report.there, self._report.here
        there["runs"] += 1
        run_id = self._copier.runs.get(run.id)
        if run_id is None:
            return
        if run_id not in held:
            self._report.differ("run", run.id, "It is not here.")
            return
        here["runs"] += 1
        row = selectors.run_get(self._copier.actor, run_id)
        self._params(run, row)
        # A measurement that was logged twice is one.
        points = {
            (p.key, p.step, p.timestamp, repr(p.value), p.model_id)
            for p in points_clean(run, self._source.history(run), self._report.leave)
        }
        count = selectors.metric_counts([run_id]).get(run_id, 0)
        there["measurements"] += len(points)
        here["measurements"] += count
        if count < len(points):
            self._report.differ("measurements", f"of run {run.id}", f"{count:,} of {len(points):,} are here.")
        self._files(run, run_id=run_id)

    def _params(self, run: SourceRun, row: Run) -> None:
        wanted = run_clean(run, row.pk, self._report.leave).params
        self._report.there["params"] += len(wanted)
        for key, value in wanted.items():
            if row.params.get(key) == value:
                self._report.here["params"] += 1
            else:
                self._report.differ("param", f"{key} of run {run.id}", "It is not here, or has another value.")

    def _files(
        self,
        owner: SourceRun | SourceModel,
        *,
        run_id: uuid.UUID | None = None,
        logged_model_id: uuid.UUID | None = None,
    ) -> None:
        rows = selectors.artifact_list(run_id=run_id, logged_model_id=logged_model_id)
        held = dict(rows.values_list("path", "sha256"))
        left = {note.name for note in self._report.left if note.what == "file"}
        for file in self._source.files(owner):
            name = f"{file.path} of {owner.id}"
            self._report.there["files"] += 1
            sha256 = held.get(file.path)
            if sha256 is None:
                if name[:200] not in left:
                    self._report.differ("file", name, "It is not here.")
                continue
            self._report.here["files"] += 1
            digest = hashlib.sha256()
            try:
                for chunk in file.chunks():
                    digest.update(chunk)
            except SourceGone:
                raise
            except SourceFailed as error:
                self._report.differ("file", name, f"It cannot be read again: {error.detail}")
                continue
            if digest.hexdigest() != sha256:
                self._report.differ("file", name, "Its bytes there are not those that came.")
            elif not self._stored(sha256):
                self._report.differ("file", name, "Its bytes here are damaged or missing.")

    def _stored(self, sha256: str) -> bool:
        if sha256 not in self._sound:
            self._sound[sha256] = blob_verify(sha256)
        return self._sound[sha256]

    def _registered(self) -> None:
        there, here = self._report.there, self._report.here
        for model in self._source.registered():
            there["registered models"] += 1
            here["registered models"] += model.name in self._registry.models
            there["versions"] += len(model.versions)
            here["versions"] += sum((model.name, v.number) in self._registry.versions for v in model.versions)
            there["aliases"] += len(model.aliases)
            model_id = self._registry.models.get(model.name)
            if model_id is not None:
                row = registry.model_get(self._copier.actor, model_id)
                held = {alias.lower() for alias in registry.alias_numbers([row]).get(row.pk, {})}
                here["aliases"] += sum(alias.lower() in held for alias in model.aliases)
