from __future__ import annotations

import hashlib
import json
import uuid

import pytest
from django.test import Client

from apps.accounts.selectors import actor_of_secret, actor_of_user
from apps.accounts.services import token_create
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.core.blobs import blob_chunks, blob_write
from apps.core.errors import Invalid
from apps.jobs import services
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import exited, job_make, lines_make, probe_kind, running_make
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db


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
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str):
        return self.client.get(f"/api/v1/attempt{path}", headers=self.headers)

    def post(self, path: str, body: object):
        return self.client.post(f"/api/v1/attempt{path}", body, content_type="application/json", headers=self.headers)

    def put(self, path: str, body: bytes, **headers: str):
        return self.client.put(
            f"/api/v1/attempt{path}", body, content_type="application/octet-stream", headers={**self.headers, **headers}
        )


def person(role: Role = Role.DATA_SCIENTIST, team=None):
    """(client with an API token, actor, team)."""
    team = team or team_make()
    user = user_make(role=role, team=team)
    actor = actor_of_user(user)
    _, secret = token_create(actor=actor, user=user, name="test", scopes=["read", "write"], days=1)
    return Client(headers={"Authorization": f"Bearer {secret}"}), actor, team


def test_a_child_learns_its_work_and_reads_only_its_files():
    data = blob_write([b"a,b\n1,2\n"])
    other = blob_write([b"secret"])
    entry = {"sha256": data.sha256, "size": data.size, "name": "table.csv"}
    run = uuid.uuid4()
    job, _, secret = running_make(files=[entry], run_id=run, spec={"recipe": "x"})
    child = Child(secret)

    told = child.get("").json()
    got = child.get(f"/files/{data.sha256}")

    assert told == {
        "job_id": str(job.pk),
        "attempt": 1,
        "kind": "probe",
        "run_id": run.hex,
        "spec": {"recipe": "x"},
        "files": [entry],
        "checkpoint": None,
    }
    assert b"".join(got.streaming_content) == b"a,b\n1,2\n"
    assert got["Content-Length"] == "8"
    assert child.get(f"/files/{other.sha256}").status_code == 404
    assert child.get("/files/..%2Fpasswd").status_code == 404


def test_a_child_reports_progress_and_hears_of_a_cancel():
    _actor_client, actor, team = person()
    job, _, secret = running_make(actor=actor, team=team)
    child = Child(secret)

    assert child.post("/progress", {"fraction": 0.4, "text": "Fold 2 of 5"}).json() == {"cancel": False}
    services.job_cancel(actor=actor, job_id=job.pk)
    assert child.post("/progress", {"fraction": None}).json() == {"cancel": True}
    assert child.post("/progress", {"fraction": 2}).status_code == 400


def test_a_child_tells_steps_and_time_left():
    client, actor, team = person()
    job, claim, secret = running_make(actor=actor, team=team)
    child = Child(secret)

    told = child.post("/progress", {"text": "Epoch 2", "step": 12, "total": 100, "seconds_left": 125})

    seen = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert told.status_code == 200
    assert (seen["progress"], seen["progress_step"], seen["progress_total"]) == (0.12, 12, 100)
    assert seen["progress_ends_at"] is not None

    services.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause="The machine went away."))
    seen = client.get(f"/api/v1/jobs/{job.pk}").json()
    assert (seen["progress"], seen["progress_step"], seen["progress_ends_at"]) == (None, None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"step": -1}, "step"),
        ({"step": 5, "total": 4}, "step"),
        ({"total": 0}, "total"),
        ({"step": 10**30}, "step"),
        ({"seconds_left": -3}, "seconds_left"),
        ({"seconds_left": 1e300}, "seconds_left"),
    ],
)
def test_steps_that_cannot_be_are_refused_at_the_field(body, field):
    _, actor, team = person()
    _, _, secret = running_make(actor=actor, team=team)

    answer = Child(secret).post("/progress", body)

    assert answer.status_code == 400
    assert field in str(answer.json())


def test_outputs_are_streamed_and_must_be_whole():
    _, claim, secret = running_make(limits={"file_bytes": 3_000_000})
    child = Child(secret)
    body = b"x" * 2_500_000

    stored = child.put("/outputs/predictions.parquet", body)

    digest = hashlib.sha256(body).hexdigest()
    assert stored.json() == {"sha256": digest, "size": len(body)}
    assert JobAttempt.objects.get(pk=claim.attempt_id).outputs == {
        "predictions.parquet": {"sha256": digest, "size": len(body)}
    }
    assert b"".join(blob_chunks(digest)) == body
    assert child.put("/outputs/big", b"x" * 3_000_001).status_code == 413
    found = actor_of_secret(secret)
    assert found is not None
    with pytest.raises(Invalid):
        services.output_store(actor=found[0], name="short", chunks=[b"abc"], size=10)
    assert child.put("/outputs/.hidden", b"abc").status_code == 400


def test_results_are_kept_last_one_wins_and_checked():
    _, claim, secret = running_make()
    child = Child(secret)

    assert child.post("/results", {"payload": {"n": 1}}).status_code == 204
    assert child.post("/results", {"payload": {"n": 2}}).status_code == 204
    assert child.post("/results", {"payload": [1]}).status_code == 400
    assert child.post("/results", '{"payload": {"x": NaN}}').status_code == 400
    assert child.post("/results", '{"payload": {"x": "\\u0000"}}').status_code == 400
    assert child.post("/results", "{").status_code == 400
    assert child.post("/results", "[" * 100_000).status_code == 400
    too_large = json.dumps({"payload": {"x": "y" * (32 * 1024 * 1024)}})
    assert child.post("/results", too_large).status_code == 413
    assert JobAttempt.objects.get(pk=claim.attempt_id).result == {"n": 2}


def test_an_ended_attempt_and_everybody_else_are_refused():
    client, actor, team = person()
    _, claim, secret = running_make(actor=actor, team=team)
    services.job_finish(claim=claim, status=exited())

    assert Child(secret).get("").status_code == 401
    assert client.get("/api/v1/attempt").status_code == 403
    assert Client().get("/api/v1/attempt").status_code in (401, 403)


def test_an_older_attempt_is_fenced_even_while_its_token_lives():
    job, _claim, secret = running_make()
    Job.objects.filter(pk=job.pk).update(attempt_number=2)

    for answer in (Child(secret).get(""), Child(secret).post("/results", {"payload": {}})):
        assert answer.status_code == 409
        assert answer.json()["code"] == "attempt_ended"


def test_people_read_jobs_of_their_teams_page_by_page():
    client, actor, team = person()
    jobs = [job_make(actor, team, title=f"job {n}") for n in range(3)]
    job_make()

    page = client.get("/api/v1/jobs?page_size=2").json()
    rest = client.get(page["next"]).json()

    assert [row["number"] for row in page["results"]] == [3, 2]
    assert [row["id"] for row in rest["results"]] == [str(jobs[0].pk)]
    assert client.get("/api/v1/jobs?state=RUNNING").json()["results"] == []
    assert client.get("/api/v1/jobs?state=odd").status_code == 400
    assert client.get(f"/api/v1/jobs/{job_make().pk}").status_code == 404
    assert Client().get("/api/v1/jobs").status_code == 401


def test_log_events_and_text_of_a_job():
    client, actor, team = person()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_log_append(claim=claim, lines=lines_make("one", "two", "three"))

    log = client.get(f"/api/v1/jobs/{job.pk}/log?after=1&limit=1").json()
    events = client.get(f"/api/v1/jobs/{job.pk}/events").json()
    text = client.get(f"/api/v1/jobs/{job.pk}/log.txt")

    assert log["lines"] == [{"number": 2, "attempt": 1, "at": 0.0, "text": "two"}]
    assert (log["next"], log["line_count"], log["ended"]) == (2, 3, False)
    assert [event["data"]["state"] for event in events["events"]] == ["QUEUED", "STARTING", "RUNNING"]
    body = b"".join(text.streaming_content).decode()
    assert body.splitlines() == ["# attempt 1", "1\t0.000\tone", "2\t0.000\ttwo", "3\t0.000\tthree"]
    assert text["Content-Disposition"].startswith("attachment")


def test_cancel_and_retry_over_the_api():
    client, actor, team = person()
    job = job_make(actor, team)

    cancelled = client.post(f"/api/v1/jobs/{job.pk}/cancel", {"reason": "no"}, content_type="application/json")
    again = client.post(f"/api/v1/jobs/{job.pk}/cancel", {}, content_type="application/json")
    keyed = [
        client.post(
            f"/api/v1/jobs/{job.pk}/retry", {}, content_type="application/json", headers={"Idempotency-Key": "k1"}
        )
        for _ in range(2)
    ]

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "CANCELLED")
    assert (again.status_code, again.json()["code"]) == (409, "job_ended")
    assert keyed[0].status_code == keyed[1].status_code == 201
    assert keyed[0].json()["id"] == keyed[1].json()["id"] != str(job.pk)
    viewer, _, _ = person(Role.VIEWER, team)
    refused = viewer.post(f"/api/v1/jobs/{job.pk}/retry", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
