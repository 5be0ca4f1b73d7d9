"""Experiments."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require, require_verb, who_can
from apps.experiments import policies
from apps.experiments.models import Experiment, Run
from apps.experiments.services.locking import row_version_check
from apps.problems import selectors as problems

NAME_LIMIT = 500
DEFAULT_NAME = "Default"


def _number_next() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('experiments_number')")
        return int(cursor.fetchone()[0])


def experiment_create(
    *,
    actor: Actor,
    team_id: uuid.UUID,
    name: str,
    problem_id: uuid.UUID | None = None,
    hypothesis: str = "",
    tags: dict[str, str] | None = None,
    is_default: bool = False,
) -> Experiment:
    """Open an experiment. Raises NotFound, Forbidden, Invalid, and Conflict when the team has that name."""
    if not accounts.team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    require(
        policies.experiment_create(actor, team_id),
        f"Opening an experiment takes the right “job.run” in the team: {who_can('job.run')} has it.",
    )
    name = name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
    if problem_id is not None:
        problem = problems.problem_get(actor, problem_id)
        if problem.team_id != team_id:
            raise NotFound("There is no such problem in this team.")
    with transaction.atomic():
        try:
            with transaction.atomic():
                experiment = Experiment.objects.create(
                    team_id=team_id,
                    number=_number_next(),
                    name=name,
                    problem_id=problem_id,
                    hypothesis=hypothesis,
                    tags=tags or {},
                    is_default=is_default,
                    created_by_id=actor.id if actor.is_person else None,
                    created_by_label=actor.label,
                )
        except IntegrityError as error:
            raise Conflict(f"The team has an experiment named “{name}” already.", code="name_taken") from error
        audit_record(actor=actor, action="experiment.create", thing=experiment, problem_id=problem_id)
    return experiment


def experiment_get_or_create(
    *, actor: Actor, team_id: uuid.UUID, name: str, problem_id: uuid.UUID | None = None
) -> Experiment:
    """The team's experiment of that name, opened when there is none."""
    named: QuerySet[Experiment] = Experiment.objects.visible_to(actor)
    named = named.filter(team_id=team_id, name__iexact=name.strip())
    found = named.first()
    if found is not None:
        return found
    try:
        return experiment_create(actor=actor, team_id=team_id, name=name, problem_id=problem_id)
    except Conflict:
        return named.get()


def experiment_default(*, actor: Actor, team_id: uuid.UUID) -> Experiment:
    """The team's experiment that MLflow's clients call 0, opened at its first use. Raises NotFound, Forbidden."""
    named: QuerySet[Experiment] = Experiment.objects.visible_to(actor)
    held = named.filter(team_id=team_id, is_default=True).first()
    if held is not None:
        return held
    try:
        return experiment_create(actor=actor, team_id=team_id, name=DEFAULT_NAME, is_default=True)
    except Conflict:
        # Somebody opened it at this moment, or the team has an experiment of that name, which it becomes.
        with transaction.atomic():
            found = named.select_for_update().get(team_id=team_id, name__iexact=DEFAULT_NAME)
            if not found.is_default:
                found.is_default = True
                found.save(update_fields=["is_default"])
                audit_record(
                    actor=actor,
                    action="experiment.update",
                    thing=found,
                    before={"is_default": False},
                    after={"is_default": True},
                )
        return found


def experiment_tag_delete(*, actor: Actor, experiment_id: uuid.UUID, key: str) -> bool:
    """Remove a tag; False when there was none. Raises NotFound, Forbidden."""
    with transaction.atomic():
        experiment = experiment_lock(actor, experiment_id)
        if key not in experiment.tags:
            return False
        before = {"tags": {key: experiment.tags[key]}}
        experiment.tags = {k: v for k, v in experiment.tags.items() if k != key}
        experiment.updated_at = timezone.now()
        experiment.save(update_fields=["tags", "updated_at"])
        audit_record(actor=actor, action="experiment.update", thing=experiment, before=before, after={"tags": {}})
        return True


def experiment_lock(actor: Actor, experiment_id: uuid.UUID) -> Experiment:
    """The experiment, locked for writing. Raises NotFound, Forbidden."""
    experiment: Experiment | None = (
        Experiment.objects.visible_to(actor).select_for_update().filter(pk=experiment_id).first()
    )
    if experiment is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    require_verb(actor, "job.run", experiment)
    return experiment


def experiment_update(
    *,
    actor: Actor,
    experiment_id: uuid.UUID,
    name: str | None = None,
    hypothesis: str | None = None,
    conclusion: str | None = None,
    problem_id: uuid.UUID | None = None,
    tags: dict[str, str] | None = None,
    row_version: int | None = None,
) -> Experiment:
    """Change what is given. A conclusion closes the experiment, an empty one opens it again.

    Raises NotFound, Forbidden, Invalid, and Conflict for a name that is taken, another problem, or (code "stale")
    when `row_version` is not that of the stored row.
    """
    with transaction.atomic():
        experiment = experiment_lock(actor, experiment_id)
        row_version_check(experiment, row_version)
        before = {
            "name": experiment.name,
            "hypothesis": experiment.hypothesis,
            "conclusion": experiment.conclusion,
            **({"tags": experiment.tags} if tags is not None else {}),
        }
        if name is not None:
            if not name.strip() or len(name) > NAME_LIMIT:
                raise Invalid.field("name", f"Give a name of 1 to {NAME_LIMIT} characters.")
            experiment.name = name.strip()
        if hypothesis is not None:
            experiment.hypothesis = hypothesis
        if conclusion is not None:
            experiment.conclusion = conclusion
            experiment.state = Experiment.State.CONCLUDED if conclusion.strip() else Experiment.State.OPEN
        if problem_id is not None:
            problem = problems.problem_get(actor, problem_id)
            if problem.team_id != experiment.team_id:
                raise NotFound("There is no such problem in this team.")
            if experiment.problem_id not in (None, problem_id):
                raise Conflict("The experiment belongs to another problem already.", code="problem_set")
            experiment.problem_id = problem_id
        if tags is not None:
            experiment.tags = {**experiment.tags, **tags}
        try:
            with transaction.atomic():
                experiment.updated_at = timezone.now()
                experiment.row_version += 1
                experiment.save()
        except IntegrityError as error:
            raise Conflict(f"The team has an experiment named “{name}” already.", code="name_taken") from error
        after = {
            "name": experiment.name,
            "hypothesis": experiment.hypothesis,
            "conclusion": experiment.conclusion,
            **({"tags": experiment.tags} if tags is not None else {}),
        }
        audit_record(actor=actor, action="experiment.update", thing=experiment, before=before, after=after)
    return experiment


def experiment_archive(*, actor: Actor, experiment_id: uuid.UUID, archived: bool = True) -> Experiment:
    """Take an experiment out of the lists with its runs, or put it back with the runs that left with it."""
    with transaction.atomic():
        experiment = experiment_lock(actor, experiment_id)
        if (experiment.archived_at is not None) != archived:
            now = timezone.now()
            runs = Run.objects.filter(experiment=experiment)
            if archived:
                runs.filter(deleted_at__isnull=True).update(deleted_at=now)
            else:
                runs.filter(deleted_at=experiment.archived_at).update(deleted_at=None)
            experiment.archived_at = now if archived else None
            experiment.updated_at = now
            experiment.save(update_fields=["archived_at", "updated_at"])
            verb = "experiment.archive" if archived else "experiment.restore"
            audit_record(actor=actor, action=verb, thing=experiment)
    return experiment
