"""Environments: required by a lock, built once by a job, removed when nothing needs them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from apps.accounts.selectors import team_list
from apps.audit.services import audit_record
from apps.code.contracts import environment_uses
from apps.code.models import Environment
from apps.code.own import own_environment
from apps.code.policies import require_code_bring, require_code_store
from apps.code.reading.lockfiles import lock_read
from apps.core.actors import Actor
from apps.core.blobs import blob_hold
from apps.core.build import build
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.numbers import parent_lock
from apps.jobs import selectors as job_selectors
from apps.jobs import services as jobs

if TYPE_CHECKING:
    from apps.jobs.models import Job

ARCHIVE = "environment.tar.gz"
MAX_ARCHIVE = 8 * 1024**3
_STATE = Environment.State


def python_check(requires: str) -> None:
    """Raise Invalid at `bundle_id` when code asks for another Python than the one that jobs have here."""
    if not requires:
        return
    try:
        fits = build().python in SpecifierSet(requires)
    except InvalidSpecifier as error:
        raise Invalid.field("bundle_id", f"The code asks for the Python “{requires}”, which names none.") from error
    if not fits:
        raise Invalid.field(
            "bundle_id", f"The code needs Python {requires}; jobs run Python {build().python} here. An administrator "
            "can install another one."
        )  # fmt: skip


def environment_require(
    *, actor: Actor, team_id: uuid.UUID, lock: str, path: str = "requirements.lock", name: str = ""
) -> Environment:
    """The environment of a lock on this installation's Python; its build is queued when it is not there.

    In the caller's transaction: the row stays locked until that ends, so that a build cannot end unseen between this
    and the job that waits for it. Raises Forbidden, Invalid at `lock`.
    """
    require_code_bring(actor, team_id)
    own = own_environment()
    found = lock_read(lock, path)
    digest = found.digest(own.python, own.platform)
    with transaction.atomic():
        _team_lock(actor, team_id)
        Environment.objects.bulk_create(
            [
                Environment(
                    team_id=team_id,
                    digest=digest,
                    name=name[:120],
                    lock=found.text,
                    packages=[list(one) for one in found.packages],
                    python=own.python,
                    platform=own.platform,
                    state=_STATE.REMOVED,
                    created_by_id=actor.id if actor.is_person else None,
                    created_by_label=actor.label,
                )
            ],
            ignore_conflicts=True,
        )
        rows = Environment.objects.select_for_update(of=("self",))
        environment: Environment = rows.get(team_id=team_id, digest=digest)
        environment.used_at = timezone.now()
        if environment.state in (_STATE.REMOVED, _STATE.FAILED):
            _build_queue(actor, environment)
        environment.save(update_fields=["used_at", "state", "job_id", "cause", "row_version"])
    return environment


def _team_lock(actor: Actor, team_id: uuid.UUID) -> None:
    """The team before its environments: a job takes its number from the team, and may ask for an environment then."""
    team = team_list(actor).filter(pk=team_id).first()
    if team is None:
        raise NotFound("There is no such team, or you may not see it.")
    parent_lock(team)


def environment_order(*, actor: Actor, team_id: uuid.UUID, lock: str, name: str = "") -> Environment:
    """As `environment_require`, on its own. Raises NotFound for a team that the actor does not see."""
    require_code_store(actor, team_id)
    return environment_require(actor=actor, team_id=team_id, lock=lock, name=name)


def _build_queue(actor: Actor, environment: Environment) -> None:
    """Queue the job that builds a locked environment; the caller saves it."""
    job = jobs.job_queue(
        actor=actor,
        team_id=environment.team_id,
        kind="build",
        title=f"build {environment}",
        spec={"lock": environment.lock, "python": environment.python, "platform": environment.platform},
        files=[],
        subject=environment,
        limits={"wall_seconds": 3_600, "cpu_seconds": 3_600, "file_bytes": MAX_ARCHIVE},
    )
    environment.state, environment.job_id, environment.cause = _STATE.BUILDING, job.pk, ""
    environment.row_version += 1
    audit_record(actor=actor, action="environment.build", thing=environment, after={"job": job.number})


def environment_job(environment: Environment) -> Job | None:
    """The job that builds it now; None when there is nothing to wait for."""
    if environment.state != _STATE.BUILDING or environment.job_id is None:
        return None
    return job_selectors.job_get(Actor.system("the worker"), environment.job_id)


def _of_job(job: Job) -> Environment | None:
    found: Environment | None = Environment.objects.select_for_update(of=("self",)).filter(job_id=job.pk).first()
    return found


def build_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Called in the transaction that ends a build well. Raises Conflict without an archive."""
    environment = _of_job(job)
    ref = outputs.get(ARCHIVE)
    if environment is None or ref is None:
        raise Conflict("The job ended without an environment.", code="no_archive")
    blob_hold(ref["sha256"])
    environment.archive_sha256, environment.archive_size = ref["sha256"], ref["size"]
    environment.size = int(result.get("size") or 0)
    environment.state, environment.built_at, environment.cause = _STATE.READY, timezone.now(), ""
    environment.row_version += 1
    environment.save()
    audit_record(
        actor=Actor.system("the worker"),
        action="environment.built",
        thing=environment,
        after={"archive": ref["sha256"], "packages": len(environment.packages)},
    )
    label = f"The environment has {len(environment.packages)} packages."
    return {"label": label, "url": reverse("environment-detail", args=[environment.pk])}


def build_fail(job: Job, cause: str) -> None:
    """Called when a build ends in any other way; the jobs that wait for it are told by `jobs`."""
    environment = _of_job(job)
    if environment is not None and environment.state == _STATE.BUILDING:
        environment.state, environment.cause = _STATE.FAILED, cause[:2000]
        environment.row_version += 1
        environment.save(update_fields=["state", "cause", "row_version"])


def build_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried build is the environment's own again. Raises Conflict when another one is under way, or it is built."""
    environment = _of_job(old)
    if environment is None or environment.state not in (_STATE.FAILED, _STATE.REMOVED):
        raise Conflict("The environment is built, or another job builds it.", code="environment_state")
    environment.state, environment.job_id, environment.cause = _STATE.BUILDING, new.pk, ""
    environment.row_version += 1
    environment.save(update_fields=["state", "job_id", "cause", "row_version"])


def environment_build(*, actor: Actor, environment_id: uuid.UUID) -> Environment:
    """Build an environment again that failed or was removed; one that is there or under way stays as it is.

    Raises NotFound, Forbidden.
    """
    with transaction.atomic():
        found = Environment.objects.visible_to(actor).filter(pk=environment_id).values_list("team_id", flat=True)
        for team_id in found:
            _team_lock(actor, team_id)
        environment = _locked(actor, environment_id)
        if environment.state in (_STATE.FAILED, _STATE.REMOVED):
            _build_queue(actor, environment)
            environment.save(update_fields=["state", "job_id", "cause", "row_version"])
    return environment


def environment_delete(*, actor: Actor, environment_id: uuid.UUID, reason: str = "") -> Environment:
    """Remove the packages of an environment; what it was, its lock included, stays and can be built again.

    Raises NotFound, Forbidden, and Conflict (`items`: what stands in the way) while it is built or something keeps it.
    """
    with transaction.atomic():
        environment = _locked(actor, environment_id)
        if environment.state == _STATE.BUILDING:
            raise Conflict(f"It is being built; cancel job {_number(environment)} first.", code="environment_building")
        keepers = environment_uses([environment.pk])[environment.pk].keepers
        if keepers:
            raise Conflict(
                f"{str(environment).capitalize()} is kept by {', '.join(one.label for one in keepers[:5])}.",
                code="environment_kept",
                items=[one.label for one in keepers],
            )
        _remove(actor, environment, reason.strip()[:300])
    return environment


def _number(environment: Environment) -> str:
    job = environment_job(environment)
    return str(job.number) if job is not None else ""


def _locked(actor: Actor, pk: uuid.UUID) -> Environment:
    rows = Environment.objects.visible_to(actor).select_for_update(of=("self",))
    environment: Environment | None = rows.filter(pk=pk).first()
    if environment is None:
        raise NotFound("There is no such environment, or you may not see it.")
    require_code_bring(actor, environment.team_id)
    return environment


def _remove(actor: Actor, environment: Environment, reason: str) -> None:
    if environment.state == _STATE.REMOVED:
        return
    before = environment.archive_sha256
    environment.state, environment.archive_sha256 = _STATE.REMOVED, ""
    environment.archive_size = environment.size = None
    environment.row_version += 1
    environment.save(update_fields=["state", "archive_sha256", "archive_size", "size", "row_version"])
    audit_record(actor=actor, action="environment.delete", thing=environment, before={"archive": before}, reason=reason)


def environments_collect() -> int:
    """Remove environments that no job has used for `ENVIRONMENT_KEEP_DAYS` and that nothing keeps; returns how many."""
    before = timezone.now() - timedelta(days=settings.ENVIRONMENT_KEEP_DAYS)
    removed = 0
    for pk in Environment.objects.filter(state=_STATE.READY, used_at__lt=before).values_list("pk", flat=True):
        with transaction.atomic():
            rows = Environment.objects.select_for_update(of=("self",), skip_locked=True)
            environment = rows.filter(pk=pk, state=_STATE.READY, used_at__lt=before).first()
            if environment is None or environment_uses([pk])[pk].keepers:
                continue
            days = settings.ENVIRONMENT_KEEP_DAYS
            _remove(Actor.system("the worker"), environment, f"No job has used it for {days} days.")
            removed += 1
    return removed
