"""Registering versions: from the files of a run, from a logged model, from another version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import number_next
from apps.core.policies import require, who_can
from apps.experiments import selectors as experiments
from apps.experiments import services as experiment_services
from apps.lineage.services import edge_add
from apps.registry import policies, selectors
from apps.registry.models import Model, ModelVersion
from apps.registry.services.files import logged_files, manifest_digest, model_file, run_files
from apps.registry.services.models import model_get_or_create, problem_give, tags_merge
from apps.registry.services.stated import NOTHING_STATED, Stated, facts_fill, training_data, training_data_note
from apps.registry.services.telling import version_created
from apps.registry.services.versions import labels_change, state_restore
from workers.inspection.judge import model_judge

if TYPE_CHECKING:
    from apps.experiments.models import LoggedModel, Run


@dataclass(frozen=True, slots=True)
class Labels:
    """What a client says beside the files; `source` and `run_link` are kept as they were given.

    `number` is the one that the version had on another server: it is kept while the model has not given it.
    """

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    run_link: str = ""
    number: int | None = None


NO_LABELS = Labels()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where files come from, what is known of them, and who trained them."""

    manifest: list[dict[str, Any]]
    facts: dict[str, Any]
    source: str
    path: str
    run: Run | None = None
    logged: LoggedModel | None = None
    copied: ModelVersion | None = None
    recipe: str = ""
    trained_by_id: uuid.UUID | None = None
    said: Stated = NOTHING_STATED
    # Whether files that may be loaded are refused without all that serving needs.
    complete: bool = False


def model_version_create(
    *,
    actor: Actor,
    model_id: uuid.UUID,
    run_id: uuid.UUID,
    facts: dict[str, Any],
    trained_by_id: uuid.UUID | None = None,
    recipe: str = "",
    labels: Labels = NO_LABELS,
    seal_at_end: bool = False,
    stated: Stated = NOTHING_STATED,
    complete: bool = False,
) -> ModelVersion:
    """Register the model that a run logged.

    `facts` is ModelFacts as the child reports it; the files and their hashes are those that the store has, never
    those that a file or a child claims. The contents are judged, without loading them: what is not of a format and of
    types on the fixed lists is kept and QUARANTINED. What nobody gave is what the files state or the problem says
    (`stated.facts_fill`). `stated` is what a person says of the files; it is sealed with them, so the same files with
    another signature are another version. With `complete`, files that may be loaded are refused without all that
    serving needs. Who trained it, where nobody says, is who began the run.
    The same run and path, or the same content, is the version that stands. Seals the run; with `seal_at_end`, a
    client's run that still runs when it ends.
    Raises NotFound, Forbidden, Invalid, Conflict when the run's files were removed.
    """
    with transaction.atomic():
        model = model_locked(actor, model_id)
        run = experiments.run_get(actor, run_id)
        if run.team_id != model.team_id:
            raise NotFound("There is no such run in this team.")
        path = str(facts.get("path") or "model")
        held = ModelVersion.objects.filter(model=model, run=run, path=path).order_by("-number").first()
        if held is not None and run.sealed_at is not None and stated.adds_nothing(held):
            return _stands(actor, held, labels)
        _require_files(run)
        logged = _logged_by(actor, run, facts)
        origin = Origin(
            manifest=logged_files(logged) if logged else run_files(run, path),
            facts=facts,
            source=f"runs:/{run.pk.hex}/{path}",
            path=path,
            run=run,
            logged=logged,
            recipe=recipe,
            trained_by_id=trained_by_id or run.created_by_id,
            said=stated,
            complete=complete,
        )
        return register(actor, model, origin, labels, seal_at_end=seal_at_end)


def version_register(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    name: str,
    problem_id: uuid.UUID | None,
    facts: dict[str, Any],
    stated: Stated,
) -> ModelVersion:
    """Register files of a run as a version of the team's model of that name, which is made when there is none.

    Raises as `model_get_or_create` and `model_version_create`; nothing is left of a model when its version is refused.
    """
    run = experiments.run_get(actor, run_id)
    with transaction.atomic():
        model = model_get_or_create(actor=actor, team_id=run.team_id, name=name, problem_id=problem_id)
        return model_version_create(
            actor=actor, model_id=model.pk, run_id=run.pk, facts=facts, stated=stated, complete=True
        )


def logged_model_register(
    *, actor: Actor, model_id: uuid.UUID, logged_model_id: uuid.UUID, labels: Labels = NO_LABELS
) -> ModelVersion:
    """Register a model that a client logged, in a run or beside any, as a version; else as `model_version_create`.

    A run that still runs is sealed when it ends, the logged model at once.
    Raises NotFound, Forbidden, Invalid while files are still coming, Conflict when they were removed.
    """
    with transaction.atomic():
        model = model_locked(actor, model_id)
        logged = experiments.logged_model_get(actor, logged_model_id)
        if logged.team_id != model.team_id:
            raise NotFound("There is no such logged model in this team.")
        if logged.status != logged.Status.READY:
            raise Invalid.field(
                "source", f"The logged model “{logged.name}” is {logged.get_status_display()}: finalize it first."
            )
        run = logged.source_run
        if run is not None:
            _require_files(run)
        origin = Origin(
            manifest=logged_files(logged),
            facts={},
            source=f"models:/m-{logged.pk.hex}",
            path=f"m-{logged.pk.hex}",
            run=run,
            logged=logged,
            # What a job's code logged has no person of its own: who began its run trained it.
            trained_by_id=logged.created_by_id or (run.created_by_id if run is not None else None),
        )
        return register(actor, model, origin, labels, seal_at_end=True)


def model_locked(actor: Actor, model_id: uuid.UUID) -> Model:
    model: Model | None = Model.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=model_id).first()
    if model is None:
        raise NotFound("There is no such model, or you may not see it.")
    require(
        policies.model_register(actor, model.team_id),
        f"Registering a version takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    return model


def register(actor: Actor, model: Model, origin: Origin, labels: Labels, *, seal_at_end: bool) -> ModelVersion:
    """A version of a locked model, or the one that stands for these bytes."""
    facts, run = origin.facts, origin.run
    verdict = model_judge([model_file(row) for row in origin.manifest])
    reason = verdict.quarantine or str(facts.get("quarantine_reason") or "")
    if verdict.format and facts.get("format") and verdict.format != facts["format"]:
        reason = reason or f"The files are {verdict.format}, the run said {facts['format']}."
    data = training_data(actor, model, origin.said)
    filled = facts_fill(model, facts, verdict, origin.said, data, origin.manifest)
    if origin.complete and not reason:
        filled.check()
    if data is not None:
        training_data_note(actor, run, data)
    digest = manifest_digest(origin.manifest, filled.stated)
    same = ModelVersion.objects.filter(model=model, content_digest=digest).first()
    if same is not None:
        return _stands(actor, same, labels)
    if run is not None and _other_files(model, run, origin):
        raise Conflict(
            f"“{model}” has a version of this run and path with other files. Log the new ones under another path.",
            code="other_files",
        )
    version = ModelVersion.objects.create(
        model=model,
        team_id=model.team_id,
        number=_number(model, labels),
        state=ModelVersion.State.QUARANTINED if reason else ModelVersion.State.SEALED,
        run=run,
        logged_model=origin.logged,
        path=origin.path,
        source=labels.source or origin.source,
        run_link=labels.run_link,
        format=verdict.format or "",
        recipe=origin.recipe,
        manifest=origin.manifest,
        content_digest=digest,
        signature=filled.signature,
        task=filled.task,
        classes=filled.classes,
        threshold=filled.threshold,
        complexity=facts.get("complexity") or {},
        environment=filled.environment,
        importance=facts.get("importance") or [],
        quarantine_reason=reason,
        description=labels.description,
        tags=tags_merge({}, dict(labels.tags)),
        registered_by_id=run.created_by_id if run and not actor.is_person else actor.id,
        registered_by_label=run.created_by_label if run and not actor.is_person else actor.label,
        trained_by_id=origin.trained_by_id,
    )
    model.task = model.task or version.task
    model.updated_at = timezone.now()
    model.save(update_fields=["task", "updated_at"])
    if model.problem_id is None and run is not None and run.experiment.problem_id is not None:
        problem_give(actor, model, run.experiment.problem_id)
    _trace(version, origin, seal_at_end=seal_at_end)
    audit_record(
        actor=actor,
        action="version.quarantine" if reason else "version.register",
        thing=version,
        problem_id=model.problem_id,
        after={
            "number": version.number,
            "run": run.pk.hex if run else None,
            "content_digest": digest,
            "format": version.format,
        },
        reason=reason,
    )
    version_created(version)
    return version


def _number(model: Model, labels: Labels) -> int:
    """The number of a new version of a locked model."""
    held = ModelVersion.objects.filter(model=model)
    if labels.number is not None and not held.filter(number=labels.number).exists():
        return labels.number
    return number_next(model, held)


def _other_files(model: Model, run: Run, origin: Origin) -> bool:
    """Whether the run has a version of this path whose files are not these."""
    held = ModelVersion.objects.filter(model=model, run=run, path=origin.path).values_list("manifest", flat=True)
    mine = manifest_digest(origin.manifest)
    return any(manifest_digest(manifest) != mine for manifest in held)


def _trace(version: ModelVersion, origin: Origin, *, seal_at_end: bool) -> None:
    """The edges of its lineage; what it cites is sealed."""
    if origin.copied is not None:
        edge_add(subject=version, relation="DERIVED_FROM", thing=origin.copied, team_id=version.team_id)
    if origin.run is not None:
        edge_add(subject=version, relation="GENERATED_BY", thing=origin.run, team_id=version.team_id)
        for row in experiments.run_inputs(origin.run):
            if row.dataset_version is not None:
                edge_add(subject=version, relation="DERIVED_FROM", thing=row.dataset_version, team_id=version.team_id)
        experiment_services.run_seal(run_id=origin.run.pk, at_end=seal_at_end)
    if origin.logged is not None:
        experiment_services.logged_model_seal(logged_model_id=origin.logged.pk)


def _stands(actor: Actor, version: ModelVersion, labels: Labels) -> ModelVersion:
    """The version that holds these bytes already, back in use when it was archived, with the labels given now."""
    if version.state == ModelVersion.State.ARCHIVED:
        state_restore(actor, version)
    labels_change(actor, version, description=labels.description or None, tags=dict(labels.tags) or None)
    return version


def require_model(version: ModelVersion) -> None:
    """Raise Conflict for one that was brought as predictions: it has no files to register again."""
    gap = selectors.model_missing(version)
    if gap:
        raise Conflict(f"{gap} There are no files to register again.", code="no_model")


def _require_files(run: Run) -> None:
    if run.purged_at is not None:
        raise Conflict("The files of this run were removed, so nothing can be registered from it.", code="run_purged")


def _logged_by(actor: Actor, run: Run, facts: dict[str, Any]) -> LoggedModel | None:
    """The logged model that the facts name, of this run."""
    logged_id = str(facts.get("logged_model_id") or "")
    if not logged_id:
        return None
    logged = experiments.logged_model_get(actor, uuid.UUID(hex=logged_id.removeprefix("m-")))
    if logged.source_run_id != run.pk:
        raise Invalid.field("logged_model_id", "The model was logged by another run.")
    return logged
