"""Experiments, runs, logged models and files: from a source into a team."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from apps.core.actors import Actor
from apps.core.errors import Conflict, FairwayError, NotFound, Unavailable
from apps.experiments import selectors, services
from apps.mlflow_api.api.limits import EXPERIMENT_NAME, EXPERIMENT_TAG, PARAM, TAG
from apps.mlflow_api.importing.cleaning import (
    NAME,
    cut,
    id_kept,
    id_made,
    moment,
    pairs_clean,
    points_clean,
    run_clean,
)
from apps.mlflow_api.importing.data import versions_proven
from apps.mlflow_api.importing.records import (
    Source,
    SourceExperiment,
    SourceFile,
    SourceGone,
    SourceModel,
    SourceRun,
)
from apps.mlflow_api.importing.report import Report

if TYPE_CHECKING:
    from apps.experiments.models import Experiment

# Where a thing came from; by these a second import finds it.
SOURCE_TAG = "fairway.import.source"
EXPERIMENT_TAG_ID = "fairway.import.experiment_id"
RUN_TAG_ID = "fairway.import.run_id"
# What ends an import instead of leaving one thing behind: a second call goes on.
ENDS = (SourceGone, Unavailable)

_UNPROVEN = (
    "Nothing proves that a version of the team has the same bytes, so it came in words alone: its source is no "
    "version's address, its digest no version's, and no copy among the files of a run is one."
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Links:
    """Logged models that a run read and wrote, by their ids in the source."""

    run_id: uuid.UUID
    read: Sequence[str]
    written: Sequence[tuple[str, int]]


class Copier:
    """Writes what is not here yet. `experiments`, `runs` and `models` lead from the source's ids to ours."""

    def __init__(self, *, actor: Actor, team_id: uuid.UUID, source: Source, report: Report, say: Say) -> None:
        self.actor, self.team_id, self.source, self.report = actor, team_id, source, report
        self._say = say
        self.experiments: dict[str, uuid.UUID] = {}
        self.runs: dict[str, uuid.UUID] = {}
        self.models: dict[str, uuid.UUID] = {}
        self._links: list[_Links] = []
        self._deleted: dict[uuid.UUID, list[uuid.UUID]] = {}
        self._noted: set[uuid.UUID] = set()

    def copy(self, *, then: Callable[[], None]) -> None:
        """All but the registry, which `then` copies: what was deleted leaves the lists when all has come.

        Raises SourceFailed, Unavailable, NotFound, Forbidden.
        """
        gone: list[uuid.UUID] = []
        for there in self.source.experiments():
            here = self._experiment(there)
            if here is None:
                continue
            self.experiments[there.id] = here.pk
            self._say(f"Experiment “{here.name}”")
            self._runs(there, here)
            for model in self.source.models(there):
                self.attempt("logged model", model.id, partial(self._model, model, here))
            if there.deleted:
                gone.append(here.pk)
        for links in self._links:
            self.attempt("models of run", links.run_id.hex, partial(self._link, links))
        then()
        for experiment_id, runs in self._deleted.items():
            services.experiment_import_end(actor=self.actor, experiment_id=experiment_id, deleted_runs=runs)
        for experiment_id in gone:
            services.experiment_import_end(actor=self.actor, experiment_id=experiment_id, deleted=True)

    def attempt(self, what: str, name: str, write: Callable[[], None]) -> None:
        """What is refused for one thing leaves that thing behind."""
        try:
            write()
        except ENDS:
            raise
        except FairwayError as error:
            self.report.leave(what, name, error.detail)

    def _experiment(self, there: SourceExperiment) -> Experiment | None:
        marks = {SOURCE_TAG: self.source.label[:TAG], EXPERIMENT_TAG_ID: there.id[:NAME]}
        held = selectors.experiment_tagged(self.actor, self.team_id, marks)
        if held is not None:
            return held
        owner = f"experiment {there.id}"
        tags = pairs_clean(there.tags, EXPERIMENT_TAG, self.report.leave, "tag", owner) | marks
        name = cut(there.name.strip() or there.id, EXPERIMENT_NAME, self.report.leave, "name", owner)
        other = f"{name[: EXPERIMENT_NAME - 100]} (imported {there.id[:40]})"
        for wanted in (name, other):
            try:
                made = services.experiment_import(
                    actor=self.actor,
                    team_id=self.team_id,
                    name=wanted,
                    tags=tags,
                    created_at=moment(there.created),
                    source=self.source.label,
                )
            except Conflict:
                continue
            if wanted != name:
                self.report.leave("name", name, f"The team has an experiment of this name: it came as “{other}”.")
            self.report.written["experiments"] += 1
            self._noted.add(made.pk)
            return made
        self.report.leave("experiment", name, "The team has experiments of this name.")
        return None

    def _runs(self, there: SourceExperiment, here: Experiment) -> None:
        held = selectors.run_ids(here.pk)
        for count, run in enumerate(self.source.runs(there), start=1):
            self.attempt("run", run.id, partial(self._run, run, here, held))
            if count % 100 == 0:
                self._say(f"  {count:,} runs")
            if run.deleted and not there.deleted and run.id in self.runs:
                self._deleted.setdefault(here.pk, []).append(self.runs[run.id])

    def _run(self, run: SourceRun, here: Experiment, held: set[uuid.UUID]) -> None:
        kept, made = id_kept(run.id), id_made(self.team_id, self.source.label, run.id)
        run_id = kept if kept is not None and made not in held else made
        if run_id not in held and here.pk not in self._noted:
            services.experiment_import_note(actor=self.actor, experiment_id=here.pk, source=self.source.label)
            self._noted.add(here.pk)
        try:
            self._run_write(run, run_id, here)
        except Conflict as error:
            if error.code != "id_taken":
                raise
            self._require_elsewhere(run_id)
            self.report.leave("id", run.id, f"Another run has it: it came as {made.hex}.")
            self._run_write(run, made, here)
        self._files(run, run_id=self.runs[run.id])
        if run.read or run.written:
            self._links.append(_Links(self.runs[run.id], run.read, run.written))

    def _require_elsewhere(self, run_id: uuid.UUID) -> None:
        """Raise Conflict when the run is one of the team's own: copied from another address, it would be here twice."""
        try:
            other = selectors.run_get(self.actor, run_id)
        except NotFound:
            return
        if other.team_id == self.team_id:
            raise Conflict(
                f"It is in the experiment “{other.experiment}” already, which did not come from this source."
            )

    def _run_write(self, run: SourceRun, run_id: uuid.UUID, here: Experiment) -> None:
        copy = run_clean(run, run_id, self.report.leave)
        if run_id != id_kept(run.id):
            copy = replace(copy, tags={**copy.tags, RUN_TAG_ID: run.id[:NAME]})
        points = points_clean(run, self.source.history(run), self.report.leave)
        known = versions_proven(self.actor, self.team_id, self.source, run, copy.datasets)
        _, is_new = services.run_import(actor=self.actor, experiment_id=here.pk, run=copy, metrics=points, known=known)
        self.runs[run.id] = run_id
        self.report.written["runs"] += is_new
        self.report.written["inputs that are versions of the team"] += len(known) if is_new else 0
        for index, data in enumerate(copy.datasets):
            if index not in known:
                self.report.leave("data", f"{data.get('name', '')} ({data.get('digest', '')})", _UNPROVEN)

    def _model(self, model: SourceModel, here: Experiment) -> None:
        if model.run_id and model.run_id not in self.runs:
            raise NotFound(f"Its run {model.run_id[:40]} did not come.")
        owner, leave = f"logged model {model.id}", self.report.leave
        params = pairs_clean(model.params, PARAM, leave, "param", owner)
        tags = pairs_clean(model.tags, TAG, leave, "tag", owner)
        kept, made = id_kept(model.id), id_made(self.team_id, self.source.label, model.id)
        for model_id in (kept, made):
            if model_id is None:
                continue
            try:
                logged = services.logged_model_import(
                    actor=self.actor,
                    experiment_id=here.pk,
                    model_id=model_id,
                    name=cut(model.name, NAME, leave, "name", owner),
                    model_type=model.model_type[:100],
                    run_id=self.runs[model.run_id] if model.run_id else None,
                    params=params,
                    tags=tags,
                )
                break
            except Conflict as error:
                if error.code != "id_taken" or model_id == made:
                    raise
                leave("id", model.id, f"Another logged model has it: it came as m-{made.hex}.")
        self.models[model.id] = logged.pk
        is_new = logged.status == logged.Status.PENDING
        self._files(model, logged_model_id=logged.pk)
        if is_new and model.status in logged.Status.values:
            services.logged_model_finalize(actor=self.actor, logged_model_id=logged.pk, status=model.status)
            self.report.written["logged models"] += 1

    def _files(
        self,
        owner: SourceRun | SourceModel,
        *,
        run_id: uuid.UUID | None = None,
        logged_model_id: uuid.UUID | None = None,
    ) -> None:
        """Copy the files that are not here, or not as long."""
        rows = selectors.artifact_list(run_id=run_id, logged_model_id=logged_model_id)
        held = dict(rows.values_list("path", "size"))
        for file in self.source.files(owner):
            if held.get(file.path) != file.size:
                write = partial(self._file, file, run_id, logged_model_id)
                self.attempt("file", f"{file.path} of {owner.id}", write)

    def _file(self, file: SourceFile, run_id: uuid.UUID | None, logged_model_id: uuid.UUID | None) -> None:
        services.artifact_store(
            actor=self.actor,
            path=file.path,
            chunks=file.chunks(),
            run_id=run_id,
            logged_model_id=logged_model_id,
        )
        self.report.written["files"] += 1
        self.report.written["bytes"] += file.size

    def _link(self, links: _Links) -> None:
        """Note which models a run read and wrote, where that is not noted."""
        run = selectors.run_get(self.actor, links.run_id)
        held = {(row.logged_model_id, row.direction) for row in selectors.run_models_of([run.pk]).get(run.pk, ())}
        read = [self.models[m] for m in links.read if m in self.models]
        written = [(self.models[m], step) for m, step in links.written if m in self.models]
        wanted = {(pk, "INPUT") for pk in read} | {(pk, "OUTPUT") for pk, _ in written}
        if wanted - held:
            services.run_inputs_add(actor=self.actor, run_id=run.pk, read=read, written=written)
