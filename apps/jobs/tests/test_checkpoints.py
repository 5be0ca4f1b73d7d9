"""Checkpoints: kept whole or not at all, and only ever what the attempt itself has sent."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_secret
from apps.core.blobs import blob_delete
from apps.core.errors import Conflict, Invalid
from apps.jobs import services
from apps.jobs.contracts import Claim
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited, first_make, probe_kind, running_make, scientist
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db

LOST = JobStatus(JobState.LOST, cause="The machine went away.")
SPEC = {"program": "", "checkpoint": "checkpoints"}


@pytest.fixture(autouse=True)
def _kind(settings, tmp_path):
    settings.JOB_SLOTS = 50
    settings.STORAGES = {
        **settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "blobs")},
        },
    }
    probe_kind()


class Child:
    """The child's side of the attempt API."""

    def __init__(self, secret: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})
        self.actor, _ = actor_of_secret(secret) or (None, None)

    def send(self, data: bytes, sha256: str = "") -> str:
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        answer = self.client.put(
            f"/api/v1/attempt/outputs/checkpoint-{sha256}", data, content_type="application/octet-stream"
        )
        assert answer.status_code == 200
        return sha256

    def keep(self, **files: str):
        """Files by path ("__" for a slash) and hash."""
        rows = [{"path": path.replace("__", "/"), "sha256": sha256} for path, sha256 in files.items()]
        return self.client.post("/api/v1/attempt/checkpoint", {"files": rows}, content_type="application/json")


def begun(**fields):
    """A running job that declared a checkpoint folder, and its child."""
    actor, team = scientist()
    job, claim, secret = running_make(actor=actor, team=team, spec=SPEC, **fields)
    return actor, job, claim, Child(secret)


def next_attempt(job: Job) -> Child:
    first_make(job)
    claim, secret = claim_make(job)
    services.attempt_started(claim=claim, handle="/nowhere/next")
    return Child(secret)


def test_a_lost_attempt_is_followed_by_one_that_begins_with_its_newest_checkpoint():
    _, job, claim, child = begun()
    child.keep(state=child.send(b"one"))
    child.keep(state=child.send(b"two"), deep__more=child.send(b"more"))

    services.job_finish(claim=claim, status=LOST)
    again = next_attempt(job)

    told = again.client.get("/api/v1/attempt").json()["checkpoint"]
    assert {one["path"]: one["size"] for one in told["files"]} == {"state": 3, "deep/more": 4}
    assert (told["attempt"], told["job"]) == (1, str(job.pk))
    sha256 = next(one["sha256"] for one in told["files"] if one["path"] == "state")
    got = again.client.get(f"/api/v1/attempt/files/{sha256}")
    assert b"".join(got.streaming_content) == b"two"
    # What it began with may stay part of what it keeps, without being sent again.
    assert again.keep(state=sha256, new=again.send(b"new")).status_code == 200


def test_a_checkpoint_replaces_the_one_before_and_lets_its_bytes_go():
    _, job, _, child = begun()
    child.keep(state=child.send(b"one"))
    child.keep(state=child.send(b"two"))

    attempt = JobAttempt.objects.get(job=job)
    assert [one["size"] for one in attempt.outputs.values()] == [3]
    assert attempt.checkpoint["number"] == 2


@pytest.mark.parametrize(
    "files",
    [
        [],
        [{"path": "../up", "sha256": "SENT"}],
        [{"path": "/etc/passwd", "sha256": "SENT"}],
        [{"path": "a//b", "sha256": "SENT"}],
        [{"path": "a\nb", "sha256": "SENT"}],
        [{"path": "state", "sha256": "a" * 64}],
        [{"path": "state", "sha256": "FALSE"}],
        [{"path": "state", "sha256": "SENT"}, {"path": "state", "sha256": "SENT"}],
        [{"path": "state", "sha256": "SENT"}] * 1001,
        [{"path": "state"}],
        "state",
    ],
)
def test_a_checkpoint_of_other_bytes_or_paths_is_refused(files):
    _, _, _, child = begun()
    sent = child.send(b"one")
    false = child.send(b"two", "b" * 64)  # under a hash that its bytes do not have
    words = {"SENT": sent, "FALSE": false}
    if isinstance(files, list):
        files = [{**one, "sha256": words.get(one.get("sha256"), one.get("sha256"))} for one in files]

    answer = child.client.post("/api/v1/attempt/checkpoint", {"files": files}, content_type="application/json")

    assert answer.status_code == 400
    assert "files" in str(answer.json())


def test_a_job_without_a_declared_folder_keeps_none():
    _, _, secret = running_make()
    child = Child(secret)

    assert child.keep(state=child.send(b"one")).status_code == 400


def test_an_attempt_that_was_replaced_keeps_none():
    _, job, claim, child = begun()
    sent = child.send(b"one")
    services.job_finish(claim=claim, status=LOST)
    next_attempt(job)

    assert child.keep(state=sent).status_code in (401, 403, 409)


def test_a_failed_job_is_resumed_by_hand_and_a_retry_begins_from_the_start():
    actor, job, claim, child = begun()
    child.keep(state=child.send(b"one"))
    services.job_finish(claim=claim, status=exited(1))
    job.refresh_from_db()

    resumed = services.job_retry(actor=actor, job_id=job.pk, resume=True)
    child = next_attempt(resumed)
    told = child.client.get("/api/v1/attempt").json()["checkpoint"]
    assert (told["job_number"], told["attempt"], told["files"][0]["path"]) == (job.number, 1, "state")

    services.job_finish(claim=claim_of(resumed), status=exited(1))
    third = services.job_retry(actor=actor, job_id=resumed.pk)
    assert "resume" not in third.spec
    assert third.files == []
    assert next_attempt(third).client.get("/api/v1/attempt").json()["checkpoint"] is None


def claim_of(job: Job) -> Claim:
    attempt = JobAttempt.objects.filter(job=job).latest("number")
    return Claim(job.pk, attempt.pk, attempt.number, attempt.lease_token)


def test_the_page_offers_to_resume_only_where_there_is_something_to_resume_from():
    actor, job, claim, child = begun()
    child.keep(state=child.send(b"one"))
    services.job_finish(claim=claim, status=exited(1))
    _, bare, bare_claim, _ = begun()
    services.job_finish(claim=bare_claim, status=exited(1))
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))

    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Resume from checkpoint" in page
    assert "; the newest has" in page
    answer = client.post(f"/jobs/{job.pk}/resume/", follow=True)
    assert "It goes on from the checkpoint" in answer.content.decode()

    owner = Client()
    owner.force_login(User.objects.get(pk=bare.created_by_id))
    assert "Resume from checkpoint" not in owner.get(f"/jobs/{bare.pk}/").content.decode()
    refused = owner.post(f"/jobs/{bare.pk}/resume/")
    assert refused.status_code == 409


def test_a_checkpoint_whose_bytes_are_gone_is_refused_with_its_file():
    actor, job, claim, child = begun()
    sent = child.send(b"one")
    child.keep(state=sent)
    services.job_finish(claim=claim, status=exited(1))
    blob_delete(sent)

    assert services.resumable(Job.objects.get(pk=job.pk)) is None
    with pytest.raises(Conflict, match="“state” of the checkpoint"):
        services.job_retry(actor=actor, job_id=job.pk, resume=True)


def test_nothing_but_an_attempt_keeps_a_checkpoint():
    actor, _, _, _ = begun()

    with pytest.raises(Exception, match="Only the child"):
        services.checkpoint_keep(actor=actor, files=[{"path": "a", "sha256": "b" * 64}])


def test_more_than_the_files_of_a_checkpoint_are_refused_by_the_service_too():
    _, _, _, child = begun()

    with pytest.raises(Invalid):
        services.checkpoint_keep(actor=child.actor, files=[])
