"""Looking after the store: asked by beat, by the page and by commands."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blob_care import GRACE, CheckReport, Collected, Say, blobs_collect, blobs_verify
from apps.core.blob_references import references_of
from apps.core.broker import task_send_now
from apps.core.errors import Unavailable
from apps.core.policies import require, who_can
from apps.home.storage import policies
from apps.notices.services import notice_send

CHECK_EVERY = timedelta(hours=24)
CHECK_SECONDS = 300.0
"""How long one round of beat hashes; what is left waits for the next."""


def store_check_request(*, actor: Actor) -> None:
    """Have every file hashed again by the worker. Raises Forbidden, Unavailable when no worker can be told."""
    require(
        policies.may_see_store(actor),
        f"Checking the store takes the right “target.manage” on the site: {who_can('target.manage')} has it.",
    )
    if not task_send_now("apps.home.tasks.store_check"):
        raise Unavailable("The message broker cannot be reached, so no check was begun. The daily check goes on.")
    with transaction.atomic():
        audit_record(actor=actor, action="store.check", object_type="core.storedblob", object_label="the store")


def store_check_run(*, actor: Actor, everything: bool, say: Say = lambda share, text: None) -> CheckReport:
    """Hash files again and write down what was found; administrators are told of faults.

    `everything` hashes all files; otherwise those that nobody checked for a day, for five minutes at most.
    """
    if everything:
        report = blobs_verify(say=say)
    else:
        report = blobs_verify(since=timezone.now() - CHECK_EVERY, seconds=CHECK_SECONDS, say=say)
    if report.flipped or report.missing:
        with transaction.atomic():
            audit_record(
                actor=actor,
                action="store.faults",
                object_type="core.storedblob",
                object_label="the store",
                after={"checked": report.checked, "flipped": report.flipped[:100], "missing": report.missing[:100]},
            )
            _tell(report)
    return report


def _tell(report: CheckReport) -> None:
    found = references_of([*report.flipped, *report.missing])
    for sha256, needed in found.items():
        for team_id in sorted({reference.team_id for reference in needed}):
            labels = ", ".join(sorted({r.label for r in needed if r.team_id == team_id})[:5])
            word = "is not what it was" if sha256 in report.flipped else "is missing"
            notice_send(
                users=accounts.people_with_verb("target.manage", team_id),
                team_id=team_id,
                kind="store.fault",
                title="A stored file " + word,
                text=f"The file {sha256[:12]} {word}. Needed by: {labels}. Restore it from a backup.",
                url=reverse("storage-usage"),
                dedupe=f"store.fault:{sha256}:{timezone.now():%Y-%m-%d}",
            )


def store_collect(*, actor: Actor, grace: timedelta = GRACE) -> Collected:
    """Remove files that nothing refers to once the grace time is over; what went is audited as one entry."""
    done = blobs_collect(grace=grace)
    if done.files:
        with transaction.atomic():
            audit_record(
                actor=actor,
                action="store.collected",
                object_type="core.storedblob",
                object_label="the store",
                after={"files": done.files, "bytes": done.bytes},
            )
    return done
