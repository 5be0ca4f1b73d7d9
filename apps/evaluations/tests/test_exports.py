"""Exports: who may ask, once for the same evidence, live while they are made, the cause when they fail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from analysis.contracts.segments import Support
from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.core.blob_references import reference_exists
from apps.core.blobs import blob_chunks, blob_write
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.evaluations import services
from apps.evaluations.models import Evaluation, Export
from apps.evaluations.services import exports as making
from apps.evaluations.tests.factories import Stage, evaluation_complete, evaluation_running, stage_make
from apps.jobs import services as jobs
from apps.jobs.models import Job, JobAttempt
from apps.jobs.tests.factories import claim_make, exited
from apps.lineage.models import LineageEdge
from workers.contracts.exports import FORMATS, HTML, MODEL_CARD, PARQUET, PDF
from workers.exporting.card import card_make
from workers.exporting.evidence import Evidence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A chart library of a few bytes in place of five million."""
    path = tmp_path / "plotly.js"
    path.write_text("globalThis.Plotly = {};")
    monkeypatch.setattr(making.finders, "find", lambda name: str(path))


def _client(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def _make(actor: Actor, evaluation: Evaluation, code: str = PDF) -> Export:
    return services.export_make(actor=actor, evaluation_id=evaluation.pk, format=code)[0]


def _end(export: Export, content: bytes | None = None, code: int = 0, error: str = "") -> Job:
    """Do what worker and child do."""
    claim, _ = claim_make(Job.objects.get(pk=export.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    attempt = JobAttempt.objects.get(pk=claim.attempt_id)
    if content is not None:
        ref = blob_write([content])
        attempt.outputs = {FORMATS[export.format].output: {"sha256": ref.sha256, "size": ref.size}}
    if error:
        attempt.result = {"error": {"code": "EVIDENCE", "message": error}}
    attempt.save()
    job = jobs.job_finish(claim=claim, status=exited(code))
    export.refresh_from_db()
    return job


def _ready(actor: Actor, evaluation: Evaluation, code: str = PDF, content: bytes = b"") -> Export:
    export = _make(actor, evaluation, code)
    _end(export, content or FORMATS[code].begins + b" and so on")
    return export


def _evidence(export: Export) -> Evidence:
    """What the child is given: the spec and the bytes of its files, nothing else."""
    job = Job.objects.get(pk=export.job_id)
    given = {file["sha256"]: b"".join(blob_chunks(file["sha256"])) for file in job.files}

    def read(file: dict[str, Any] | None) -> Any:
        return None if file is None else json.loads(given[file["sha256"]])

    return Evidence.from_json(job.spec["facts"], read(job.spec["report"]), read(job.spec["findings"]))


def test_a_job_is_given_the_sealed_report_and_makes_the_file():
    stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True)

    export = _make(stage.ground.scientist, evaluation)
    evidence = _evidence(export)
    _end(export, b"%PDF-1.4 and so on")

    assert evidence.report.to_json() == evaluation.report
    assert evidence.findings is not None
    assert evidence.findings.to_json() == evaluation.findings
    assert evidence.facts.headline == evaluation.headline.replace("live version", "version")
    assert evidence.facts.report_digest == evaluation.report_digest
    gates = _client(stage.ground.owner).get(reverse("api-gate-list", args=[evaluation.pk])).json()["results"]
    assert [gate.sentence for gate in evidence.facts.gates] == [gate["sentence"] for gate in gates]
    assert export.state == Export.State.READY
    assert b"".join(blob_chunks(export.sha256)) == b"%PDF-1.4 and so on"
    assert reference_exists(export.sha256), "the file is kept"
    assert LineageEdge.objects.filter(subject_id=export.pk, object_id=evaluation.pk).exists()
    said = list(AuditEvent.objects.filter(object_id=str(export.pk)).order_by("pk").values_list("action", flat=True))
    assert said == ["export.make", "export.complete"]


def test_the_same_evidence_is_not_made_twice():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    first, new = services.export_make(actor=stage.ground.scientist, evaluation_id=evaluation.pk, format=PDF)
    again, new_again = services.export_make(actor=stage.ground.owner, evaluation_id=evaluation.pk, format=PDF)
    _end(first, b"%PDF-")
    ready, new_ready = services.export_make(actor=stage.ground.owner, evaluation_id=evaluation.pk, format=PDF)
    other, new_other = services.export_make(actor=stage.ground.owner, evaluation_id=evaluation.pk, format=PARQUET)

    assert (new, new_again, new_ready, new_other) == (True, False, False, True)
    assert first.pk == again.pk == ready.pk != other.pk
    assert Job.objects.filter(kind="export").count() == 2


def test_a_new_renderer_makes_the_file_anew(monkeypatch):
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    old = _ready(stage.ground.scientist, evaluation)

    monkeypatch.setattr(making, "RENDERER", old.renderer + 1)
    new = _make(stage.ground.scientist, evaluation)

    assert new.pk != old.pk
    assert new.renderer == old.renderer + 1


def test_who_sees_the_evaluation_downloads_and_who_works_or_decides_makes():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    viewer = actor_make(Role.VIEWER, stage.team)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())

    export = _ready(stage.ground.owner, evaluation)

    assert export.created_by_id == stage.ground.owner.id, "a product owner runs no jobs but makes exports"
    with pytest.raises(Forbidden, match="product owner"):
        _make(viewer, evaluation, PARQUET)
    with pytest.raises(NotFound):
        _make(stranger, evaluation)
    with pytest.raises(Invalid, match="formats"):
        services.export_make(actor=stage.ground.owner, evaluation_id=evaluation.pk, format="DOCX")
    address = reverse("evaluation-export-file", args=[evaluation.pk, export.pk])
    assert _client(viewer).get(address).status_code == 200
    assert _client(stranger).get(address).status_code == 404
    page = _client(viewer).get(reverse("evaluation-exports", args=[evaluation.pk])).content.decode()
    assert "Download" in page
    assert reverse("evaluation-export-make", args=[evaluation.pk]) not in page


def test_a_product_owner_still_launches_no_other_job():
    stage = stage_make()

    with pytest.raises(Forbidden):
        services.evaluation_launch(actor=stage.ground.owner, model_version_id=stage.candidate.pk)


def test_a_running_evaluation_has_no_exports():
    stage = stage_make()
    evaluation = evaluation_running(stage)

    with pytest.raises(Conflict, match="no report"):
        _make(stage.ground.scientist, evaluation)
    client = _client(stage.ground.scientist)
    assert client.get(reverse("evaluation-exports", args=[evaluation.pk])).status_code == 409


def test_a_failed_export_says_why_and_is_tried_again():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    export = _make(stage.ground.owner, evaluation)

    _end(export, code=65, error="The evidence cannot be read.")

    assert export.state == Export.State.FAILED
    page = client.get(reverse("evaluation-exports", args=[evaluation.pk])).content.decode()
    assert "The evidence cannot be read." in page
    assert "Try again" in page
    client.post(reverse("evaluation-export-make", args=[evaluation.pk]), {"format": PDF})
    again = Export.objects.exclude(pk=export.pk).get()
    assert again.state == Export.State.RUNNING
    with pytest.raises(Conflict, match="asked for again"):
        jobs.job_retry(actor=stage.ground.owner, job_id=export.job_id)


def test_a_job_of_an_export_is_retried_and_cancelled_by_who_may_make_it():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    export = _make(stage.ground.owner, evaluation)
    _end(export, code=1)

    job = jobs.job_retry(actor=stage.ground.owner, job_id=export.job_id)
    again = Export.objects.get(job_id=job.pk)
    jobs.job_cancel(actor=stage.ground.owner, job_id=job.pk)

    again.refresh_from_db()
    assert again.evaluation_id == evaluation.pk
    assert again.state == Export.State.FAILED
    assert "Cancelled" in again.cause
    with pytest.raises(Forbidden):
        jobs.job_retry(actor=actor_make(Role.VIEWER, stage.team), job_id=job.pk)


@pytest.mark.parametrize(
    ("content", "cause"), [(None, "without a file"), (b"<html>something else", "The file is not PDF")]
)
def test_a_job_without_the_file_fails(content, cause):
    stage = stage_make()
    export = _make(stage.ground.scientist, evaluation_complete(stage))

    job = _end(export, content)

    assert job.state == Job.State.FAILED
    assert export.state == Export.State.FAILED
    assert cause in export.cause


def test_the_database_keeps_an_ended_export_as_it_is():
    stage = stage_make()
    export = _ready(stage.ground.scientist, evaluation_complete(stage))

    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        Export.objects.filter(pk=export.pk).update(sha256="0" * 64)
    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        export.delete()


def test_a_file_is_an_attachment_that_no_browser_runs():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    export = _ready(stage.ground.scientist, evaluation, HTML, b"<!doctype html><script>alert(1)</script>")

    answer = _client(stage.ground.owner).get(reverse("evaluation-export-file", args=[evaluation.pk, export.pk]))

    assert answer["Content-Disposition"] == f'attachment; filename="evaluation-{evaluation.number}-report.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "application/octet-stream"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer.streaming_content).startswith(b"<!doctype html>")


def test_the_page_offers_every_format_follows_the_job_and_shows_the_card_as_text():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client = _client(stage.ground.owner)
    card = b"---\nname: x\n---\n# Metrics <b>of</b> it\n"
    _ready(stage.ground.owner, evaluation, MODEL_CARD, card)
    running = _make(stage.ground.owner, evaluation, PARQUET)

    page = client.get(reverse("evaluation-exports", args=[evaluation.pk])).content.decode()
    part = client.get(reverse("evaluation-exports", args=[evaluation.pk]), headers={"HX-Target": "exports"})
    whole = client.get(reverse("evaluation-detail", args=[evaluation.pk])).content.decode()

    for kind in FORMATS.values():
        assert kind.label in page
        assert kind.label in whole
    assert f'data-topic="job.{running.job_id}"' in page
    assert "# Metrics &lt;b&gt;of&lt;/b&gt; it" in page
    assert "<!DOCTYPE" not in part.content.decode()
    assert f'data-topic="job.{running.job_id}"' in part.content.decode()
    assert reverse("evaluation-exports", args=[evaluation.pk]) in whole


def test_asking_for_what_is_ready_downloads_it():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    export = _ready(stage.ground.owner, evaluation)
    client, address = _client(stage.ground.owner), reverse("evaluation-export-make", args=[evaluation.pk])

    there = client.post(address, {"format": PDF})
    garbage = client.post(address, {"format": "\x00<b>"}, follow=True)

    assert there["Location"] == reverse("evaluation-export-file", args=[evaluation.pk, export.pk])
    assert garbage.status_code == 200
    assert "The formats are" in garbage.content.decode()


def test_scripts_ask_list_and_fetch():
    stage = stage_make()
    evaluation = evaluation_complete(stage)
    client, address = _client(stage.ground.owner), reverse("api-evaluation-exports", args=[evaluation.pk])

    made = client.post(address, {"format": PDF}, content_type="application/json")
    again = client.post(address, {"format": PDF}, content_type="application/json")
    wrong = client.post(address, {"format": "DOCX"}, content_type="application/json")
    empty = client.post(address, [], content_type="application/json")
    file = reverse("api-evaluation-export-file", args=[evaluation.pk, made.json()["id"]])
    early = client.get(file)
    _end(Export.objects.get(), b"%PDF-1.4")
    listed = client.get(address).json()["results"]

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["id"] == again.json()["id"] == listed[0]["id"]
    assert (wrong.status_code, empty.status_code) == (400, 400)
    assert early.status_code == 409
    assert early.json()["code"] == "export_not_ready"
    assert (listed[0]["state"], listed[0]["size"]) == ("READY", 8)
    assert b"".join(client.get(file).streaming_content) == b"%PDF-1.4"
    assert client.get(address.replace(str(evaluation.pk), str(listed[0]["id"]))).status_code == 404


def test_what_is_hidden_on_the_page_is_hidden_from_the_child():
    stage: Stage = stage_make()
    evaluation = evaluation_complete(stage, findings=True, n=400, least=Support(150, 30, 30))

    evidence = _evidence(_make(stage.ground.scientist, evaluation))
    hidden = [group for group in evidence.report.groups if group.suppressed is not None]
    card = card_make(evidence)

    assert hidden
    for group in hidden:
        assert group.n is None
        assert not group.metrics
    flips = evidence.findings.flips if evidence.findings is not None else None
    assert flips is not None
    assert all(one.negative is None for one in flips.groups if one.barred)
    assert "hidden" in card


def test_a_version_is_not_called_live_in_a_file():
    stage = stage_make()
    evaluation = evaluation_complete(stage)

    facts = _evidence(_make(stage.ground.scientist, evaluation)).facts

    assert facts.baseline == f"version {stage.live.number}"
    assert "live" not in facts.headline
