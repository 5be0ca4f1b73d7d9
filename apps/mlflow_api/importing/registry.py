"""Registered models, their versions, stages and aliases; files are those of runs and logged models that came."""

from __future__ import annotations

import re
import uuid
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from apps.core.errors import Conflict, Invalid
from apps.experiments import selectors as experiments
from apps.mlflow_api.api.limits import REGISTRY_TAG, model_name_of
from apps.mlflow_api.importing.addresses import path_of
from apps.mlflow_api.importing.cleaning import cut, pairs_clean
from apps.mlflow_api.importing.copying import SOURCE_TAG, Copier
from apps.mlflow_api.importing.records import SourceRegistered, SourceVersion
from apps.mlflow_api.registry_shapes import PRODUCTION
from apps.registry import selectors, services

if TYPE_CHECKING:
    from apps.registry.models import Model, ModelVersion

NAME_TAG = "fairway.import.name"
VERSION_TAG = "fairway.import.version"
STAGE_TAG = "fairway.import.stage"
_PROMPT_TAG = "mlflow.prompt.is_prompt"
_DESCRIPTION = 20_000
_LOGGED = re.compile(r"(?:^models:/|/models/)(m-[0-9a-f]{32})(?:/artifacts)?/?$")
_COPIED = re.compile(r"^models:/(.+)/(\d{1,9})$")
_NO_PRODUCTION = "Production is what a deployment answers with, so no import says it: the tag {tag} keeps it."


class RegistryCopier:
    """Goes on from what a `Copier` brought. `models` and `versions` lead from names and numbers to ours."""

    def __init__(self, copier: Copier) -> None:
        self._copier = copier
        self._actor, self._team_id = copier.actor, copier.team_id
        self._label, self._report = copier.source.label, copier.report
        self.models: dict[str, uuid.UUID] = {}
        self.versions: dict[tuple[str, int], uuid.UUID] = {}

    def copy(self) -> None:
        """Raises SourceFailed, Unavailable, Forbidden."""
        there = [model for model in self._copier.source.registered() if not self._is_prompt(model)]
        pairs = [(model, here) for model in there if (here := self._model(model)) is not None]
        # A copy of a version waits for the version.
        for copies in (False, True):
            for model, here in pairs:
                for version in model.versions:
                    if bool(_COPIED.match(version.source)) == copies:
                        name = f"{version.name} version {version.number}"
                        self._copier.attempt("version", name, partial(self._version, version, here))
        for model, here in pairs:
            self.models[model.name] = here.pk
            self._aliases(model, here)

    def _is_prompt(self, model: SourceRegistered) -> bool:
        prompt = model.tags.get(_PROMPT_TAG, "").lower() == "true"
        if prompt:
            self._report.leave("prompt", model.name, "Fairway keeps no prompts: a model holds model files.")
        return prompt

    def _model(self, there: SourceRegistered) -> Model | None:
        marks = {SOURCE_TAG: self._label, NAME_TAG: there.name}
        rows = selectors.model_list(self._actor, team_id=self._team_id)
        held: Model | None = rows.filter(tags__contains=marks).order_by("id").first()
        if held is not None:
            return held
        owner, leave = f"model {there.name}", self._report.leave
        try:
            # Older servers took names that no client can name by now.
            name = model_name_of({"name": services.model_name_fit(there.name)})
            if name != there.name:
                leave("name", there.name, f"MLflow takes no “/” and no “:” in a name by now: it came as “{name}”.")
        except Invalid as error:
            leave("registered model", there.name, error.detail)
            return None
        tags = pairs_clean(there.tags, REGISTRY_TAG, leave, "tag", owner) | marks
        for wanted in (name, f"{name[:240]} (imported)"):
            try:
                made: Model = services.model_create(
                    actor=self._actor,
                    team_id=self._team_id,
                    name=wanted,
                    description=cut(there.description, _DESCRIPTION, leave, "description", owner),
                    tags=tags,
                )
            except Conflict:
                continue
            if wanted != name:
                leave("name", name, f"The team has a model of this name: it came as “{wanted}”.")
            self._report.written["registered models"] += 1
            return made
        leave("registered model", there.name, "The team has models of this name.")
        return None

    def _version(self, there: SourceVersion, model: Model) -> None:
        held = {mark: row for row in self._rows(model) for mark in _marks(row)}
        version = held.get(there.number)
        if version is None:
            version = self._register(there, model, held)
        self.versions[there.name, there.number] = version.pk
        if there.stage in ("Staging", "Archived") and version.stage == "None" and version.state != "ARCHIVED":
            services.version_stage_set(actor=self._actor, version_id=version.pk, stage=there.stage)
        if there.stage == PRODUCTION:
            name = f"{there.name} version {there.number}"
            self._report.leave("stage", name, _NO_PRODUCTION.format(tag=STAGE_TAG))

    def _rows(self, model: Model) -> list[ModelVersion]:
        rows = selectors.version_list(self._actor, model_id=model.pk)
        return list(rows.defer("manifest", "signature", "importance"))

    def _register(self, there: SourceVersion, model: Model, held: dict[int, ModelVersion]) -> ModelVersion:
        owner, leave = f"{there.name} version {there.number}", self._report.leave
        tags = pairs_clean(there.tags, REGISTRY_TAG, leave, "tag", owner)
        if there.stage == PRODUCTION:
            tags[STAGE_TAG] = PRODUCTION
        labels = services.Labels(
            description=cut(there.description, _DESCRIPTION, leave, "description", owner),
            tags=tags | {VERSION_TAG: str(there.number)},
            run_link=there.run_link[:500],
            number=there.number if 0 < there.number < 2**31 else None,
        )
        version = self._registered(there, model, labels)
        same = next((row for row in held.values() if row.pk == version.pk), None)
        if same is not None:
            marks = sorted({*_marks(same), there.number})
            services.version_describe(
                actor=self._actor, version_id=version.pk, tags={VERSION_TAG: ", ".join(map(str, marks))}
            )
            leave("version", owner, f"It has the files of version {version.number}, which stands for both.")
        else:
            self._report.written["versions"] += 1
            if version.number != there.number:
                leave("number", owner, f"The number was taken here: it came as version {version.number}.")
            if version.quarantine_reason:
                leave("version", owner, f"It came and is quarantined: {version.quarantine_reason}")
        return version

    def _registered(self, there: SourceVersion, model: Model, labels: services.Labels) -> ModelVersion:
        """Register what the version's address names among what came. Raises Invalid and what the registry raises."""
        address = unquote(there.source)
        logged = _LOGGED.search(address)
        logged_id = self._copier.models.get(there.model_id or (logged[1] if logged else ""))
        copied = _COPIED.match(there.source)
        of = self.versions.get((copied[1], int(copied[2]))) if copied else None
        run_id, path = self._copier.runs.get(there.run_id), path_of(address, there.run_id)
        if logged_id is None and of is None and run_id is not None and path:
            folder = f"{path}/"
            if any(file.path.startswith(folder) for file in experiments.artifact_list(run_id=run_id)):
                return services.model_version_create(
                    actor=self._actor,
                    model_id=model.pk,
                    run_id=run_id,
                    facts={"path": path},
                    labels=labels,
                    seal_at_end=True,
                )
            found = experiments.logged_model_of_run(self._actor, run_id, path)
            logged_id = found.pk if found else None
        if logged_id is not None:
            return services.logged_model_register(
                actor=self._actor, model_id=model.pk, logged_model_id=logged_id, labels=labels
            )
        if of is not None:
            return services.version_copy(actor=self._actor, model_id=model.pk, version_id=of, labels=labels)
        raise Invalid(f"Its files lie at {there.source[:200]}, which is of no run and no logged model that came.")

    def _aliases(self, there: SourceRegistered, model: Model) -> None:
        held = selectors.alias_numbers([model]).get(model.pk, {})
        taken = {alias.lower() for alias in held}
        for alias, number in there.aliases.items():
            version_id = self.versions.get((there.name, number))
            name = f"{alias} of {there.name}"
            if version_id is None:
                self._report.leave("alias", name, f"Version {number} did not come.")
            elif alias.lower() not in taken:
                self._copier.attempt("alias", name, partial(self._alias, model.pk, alias, version_id))

    def _alias(self, model_id: uuid.UUID, alias: str, version_id: uuid.UUID) -> None:
        services.alias_set(actor=self._actor, model_id=model_id, name=alias, version_id=version_id)
        self._report.written["aliases"] += 1


def _marks(version: ModelVersion) -> list[int]:
    """The numbers that a version has in the source."""
    return [int(mark) for mark in version.tags.get(VERSION_TAG, "").split(", ") if mark.isdecimal()]
