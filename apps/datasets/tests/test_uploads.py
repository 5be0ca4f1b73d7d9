"""Uploads in parts: resumable, idempotent, bounded, and nothing left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, FairwayError, Forbidden, Invalid, NotFound, TooLarge
from apps.datasets import services
from apps.datasets.contracts import MIN_PART_BYTES
from apps.datasets.inspection import BadFile
from apps.datasets.models import DatasetVersion, Upload
from apps.datasets.tests.factories import csv_bytes, dataset_make, files_in, rows_make
from apps.datasets.tests.test_inspection import CASES
from apps.jobs.models import Job
from apps.problems.tests.factories import people

pytestmark = pytest.mark.django_db(transaction=True)

BIG = csv_bytes(rows_make(150_000))


def _begin(data: bytes, name: str = "arrests.csv"):
    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)
    upload = services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename=name, size=len(data))
    return scientist, dataset, upload


def _parts(data: bytes, size: int = MIN_PART_BYTES):
    return [(at, data[at : at + size]) for at in range(0, len(data), size)]


def test_parts_become_a_version_and_a_profile_job(store):
    scientist, dataset, upload = _begin(BIG)
    assert len(BIG) > 2 * MIN_PART_BYTES

    for offset, part in _parts(BIG):
        upload = services.upload_part(actor=scientist, upload_id=upload.pk, offset=offset, data=part)
    result = services.upload_complete(actor=scientist, upload_id=upload.pk)

    version = result.version
    assert (version.number, version.state, version.size, result.same) == (1, "PROFILING", len(BIG), False)
    job = Job.objects.get(pk=version.job_id)
    assert (job.kind, job.subject_id) == ("profile", version.pk)
    assert job.files == [{"sha256": version.content_digest, "size": len(BIG), "name": "table.csv"}]
    assert files_in(store) == [
        f"blobs/{version.content_digest[:2]}/{version.content_digest[2:4]}/{version.content_digest}"
    ]
    assert services.upload_complete(actor=scientist, upload_id=upload.pk).version.pk == version.pk
    assert DatasetVersion.objects.filter(dataset=dataset).count() == 1
    assert {"dataset.upload_begun", "dataset.upload_completed", "dataset.version_created"} <= set(
        AuditEvent.objects.values_list("action", flat=True)
    )


def test_a_part_may_be_sent_again_but_not_changed():
    scientist, _, upload = _begin(BIG)
    first, second = _parts(BIG)[:2]
    services.upload_part(actor=scientist, upload_id=upload.pk, offset=first[0], data=first[1])

    again = services.upload_part(actor=scientist, upload_id=upload.pk, offset=first[0], data=first[1])

    assert again.received == len(first[1])
    with pytest.raises(Conflict) as error:
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=b"x" * len(first[1]))
    assert error.value.items == [{"received": len(first[1])}]
    with pytest.raises(Conflict):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=5, data=first[1])
    with pytest.raises(Conflict):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=second[0] + 1, data=second[1])
    with pytest.raises(Conflict, match="have not arrived"):
        services.upload_complete(actor=scientist, upload_id=upload.pk)


def test_too_many_bytes_too_small_parts_and_too_large_files():
    scientist, dataset, upload = _begin(BIG)

    with pytest.raises(Invalid, match="announced"):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=len(BIG) - 1, data=b"ab")
    with pytest.raises(Invalid, match="at least"):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=BIG[:1000])
    with pytest.raises(Invalid):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=b"")
    with pytest.raises(TooLarge):
        services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename="a.csv", size=2 * 1024**3 + 1)
    with pytest.raises(Invalid):
        services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename="a.csv", size=0)


@pytest.mark.parametrize(
    ("name", "data", "code", "line", "column"), [c for c in CASES if c[1]], ids=[c[0] for c in CASES if c[1]]
)
def test_a_bad_first_part_ends_the_upload_and_leaves_nothing(store, name, data, code, line, column):
    scientist, dataset, upload = _begin(data)

    with pytest.raises(BadFile) as error:
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=data)

    assert error.value.fault.code == code
    upload.refresh_from_db()
    assert upload.state == "ABORTED"
    assert files_in(store) == []
    assert not DatasetVersion.objects.filter(dataset=dataset).exists()


@pytest.mark.parametrize(
    ("name", "data", "code", "line", "column"), [c for c in CASES if c[1]], ids=[c[0] for c in CASES if c[1]]
)
def test_a_bad_whole_file_leaves_nothing(store, name, data, code, line, column):
    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)

    with pytest.raises(BadFile) as error:
        services.dataset_version_create_from_file(
            actor=scientist, dataset_id=dataset.pk, filename="a.csv", chunks=[data[:7], data[7:]]
        )

    assert error.value.fault.code == code
    assert files_in(store) == []
    assert not DatasetVersion.objects.exists()


def test_the_same_bytes_are_the_same_version(store):
    team, scientist, _ = people()
    dataset, other = dataset_make(scientist, team), dataset_make(scientist, team)

    def make(into, name):
        return services.dataset_version_create_from_file(
            actor=scientist, dataset_id=into.pk, filename=name, chunks=[csv_bytes()]
        )

    first, again, elsewhere = make(dataset, "a.csv"), make(dataset, "b.csv"), make(other, "a.csv")

    assert again.pk == first.pk
    assert elsewhere.pk != first.pk
    assert len(files_in(store)) == 1
    upload = services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename="c.csv", size=len(csv_bytes()))
    services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=csv_bytes())
    result = services.upload_complete(actor=scientist, upload_id=upload.pk)
    assert (result.version.pk, result.same) == (first.pk, True)


def test_an_upload_is_cancelled_or_expires_without_leftovers(store):
    scientist, dataset, upload = _begin(BIG)
    services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=BIG[:MIN_PART_BYTES])
    assert len(files_in(store)) == 1

    services.upload_abort(actor=scientist, upload_id=upload.pk)

    assert files_in(store) == []
    assert list(store.rglob("uploads/*")) == []
    with pytest.raises(Conflict):
        services.upload_part(actor=scientist, upload_id=upload.pk, offset=0, data=BIG[:MIN_PART_BYTES])

    left = services.upload_begin(actor=scientist, dataset_id=dataset.pk, filename="a.csv", size=len(BIG))
    services.upload_part(actor=scientist, upload_id=left.pk, offset=0, data=BIG[:MIN_PART_BYTES])
    assert services.uploads_expire() == 0
    Upload.objects.filter(pk=left.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict):
        services.upload_complete(actor=scientist, upload_id=left.pk)
    assert services.uploads_expire() == 1
    assert files_in(store) == []


def test_who_may_upload():
    _scientist, dataset, upload = _begin(BIG)
    viewer = actor_make(Role.VIEWER, dataset.team)
    stranger = actor_make(Role.DATA_SCIENTIST, team_make())

    for actor, error in ((viewer, Forbidden), (stranger, NotFound)):
        with pytest.raises(error):
            services.upload_begin(actor=actor, dataset_id=dataset.pk, filename="a.csv", size=5)
        with pytest.raises(error):
            services.upload_part(actor=actor, upload_id=upload.pk, offset=0, data=b"x")
        with pytest.raises(error):
            services.upload_complete(actor=actor, upload_id=upload.pk)
        with pytest.raises(error):
            services.upload_abort(actor=actor, upload_id=upload.pk)


def test_fifty_writers_at_once_get_numbers_without_gaps():
    from concurrent.futures import ThreadPoolExecutor

    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)

    def write(index: int) -> int:
        try:
            version = services.dataset_version_create_from_file(
                actor=scientist, dataset_id=dataset.pk, filename="a.csv", chunks=[b"a,b\n1,%d\n" % index]
            )
            return version.number
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        numbers = list(pool.map(write, range(50)))

    assert sorted(numbers) == list(range(1, 51))


def test_the_same_bytes_from_many_writers_at_once_are_one_version(store):
    from concurrent.futures import ThreadPoolExecutor

    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)

    def write(index: int):
        try:
            return services.dataset_version_create_from_file(
                actor=scientist, dataset_id=dataset.pk, filename=f"{index}.csv", chunks=[csv_bytes()]
            ).pk
        except FairwayError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(write, range(16)))

    assert len(found) == 1
    assert len(files_in(store)) == 1
