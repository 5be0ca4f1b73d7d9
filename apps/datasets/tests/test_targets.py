"""Where a file is read: asked with the upload and when it is read again, on the page and by the API."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.compute.models import ComputeTarget
from apps.compute.tests.factories import healthy_make, local
from apps.core.errors import Conflict, Invalid
from apps.datasets import services
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import csv_bytes, dataset_make, files_in, rows_make, version_make
from apps.jobs.models import Job
from apps.problems.tests.factories import people

pytestmark = pytest.mark.django_db


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=person.id))
    return client


def _uploaded(scientist, dataset, data):
    upload = services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename="a.csv", size=len(data))
    return services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=data)


def test_the_page_offers_targets_and_the_file_is_read_where_it_was_asked(store):
    team, scientist, _ = people()
    dataset, client = dataset_make(scientist, team), _client(scientist)
    before = client.get(reverse("dataset-detail", args=[dataset.pk])).content.decode()
    far = healthy_make(all_teams=True)

    page = client.get(reverse("dataset-detail", args=[dataset.pk])).content.decode()
    file = SimpleUploadedFile("a.csv", csv_bytes(rows_make(60)))
    sent = client.post(reverse("dataset-upload", args=[dataset.pk]), {"file": file, "target_id": str(far.pk)})

    assert "Read on" not in before
    assert "Read on" in page
    assert "kind=profile" in page
    assert sent.status_code == 302, sent.content.decode()[:2000]
    assert Job.objects.get(kind="profile").target_id == far.pk


def test_an_upload_in_parts_stands_when_its_target_is_refused(store):
    team, scientist, _ = people()
    far = healthy_make(all_teams=True)
    ComputeTarget.objects.filter(pk=far.pk).update(state="DRAINED")
    upload = _uploaded(scientist, dataset_make(scientist, team), csv_bytes(rows_make(60)))
    client = _client(scientist)
    address = f"/api/v1/uploads/{upload.pk}/complete"

    with pytest.raises(Conflict, match="drained"):
        services.upload_complete(actor=scientist, upload_id=upload.pk, target_id=far.pk)
    wrong = client.post(address, {"target_id": str(uuid.uuid4())}, content_type="application/json")
    assert wrong.status_code == 400
    assert "target_id" in wrong.content.decode()
    assert not DatasetVersion.objects.exists()
    assert [name for name in files_in(store) if name.startswith("blobs/")] == []

    done = client.post(address, content_type="application/json")

    assert done.status_code == 200, done.content
    assert Job.objects.get(kind="profile").target_id == local().pk


def test_a_failed_file_is_read_again_elsewhere(store):
    team, scientist, _ = people()
    version = version_make(scientist, dataset_make(scientist, team))
    job = Job.objects.get(pk=version.job_id)
    Job.objects.filter(pk=job.pk).update(state="CANCELLED")
    services.profile_fail(job, "Cancelled by a person")
    far, client = healthy_make(all_teams=True), _client(scientist)

    page = client.get(reverse("dataset-version-detail", args=[version.pk])).content.decode()
    sent = client.post(reverse("dataset-version-act", args=[version.pk, "again"]), {"target_id": str(far.pk)})

    assert "Read on" in page
    assert sent.status_code == 302
    version.refresh_from_db()
    assert version.state == "PROFILING"
    assert Job.objects.get(pk=version.job_id).target_id == far.pk


def test_a_word_that_is_no_target_is_refused_and_nothing_is_stored(store):
    team, scientist, _ = people()
    dataset, client = dataset_make(scientist, team), _client(scientist)

    file = SimpleUploadedFile("a.csv", csv_bytes(rows_make(60)))
    sent = client.post(reverse("dataset-upload", args=[dataset.pk]), {"file": file, "target_id": "nowhere"})
    with pytest.raises(Invalid) as refused:
        services.dataset_version_create_from_file(
            actor=scientist,
            dataset_id=dataset.pk,
            filename="a.csv",
            chunks=[csv_bytes(rows_make(60))],
            target_id=uuid.uuid4(),
        )

    assert sent.status_code == 400
    assert list(refused.value.fields) == ["target_id"]
    assert not DatasetVersion.objects.exists()
