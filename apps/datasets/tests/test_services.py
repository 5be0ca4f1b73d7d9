"""Datasets and versions: profile, roles, split, use, withdrawal, removal."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from analysis.contracts.segments import SplitSpec
from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.blobs import blob_exists
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets import contracts, selectors, services
from apps.datasets.models import Dataset, DatasetVersion, SegmentSupport
from apps.datasets.tests.factories import (
    csv_bytes,
    dataset_make,
    files_in,
    profile_end,
    profile_of,
    rows_make,
    version_make,
    version_sealed,
)
from apps.jobs.models import Job, JobAttempt
from apps.problems import selectors as problem_selectors
from apps.problems import services as problem_services
from apps.problems.tests.factories import people, problem_accepted

pytestmark = pytest.mark.django_db


def _with_problem():
    team, scientist, owner = people()
    problem, agreed = problem_accepted(scientist, owner, team)
    return team, scientist, owner, problem, agreed, dataset_make(scientist, team, problem)


def test_a_dataset_is_registered_and_described():
    team, scientist, _ = people()

    dataset = dataset_make(scientist, team, name="Arrests", licence="GPL-2", source="scikit-lego")
    edited = services.dataset_edit(
        actor=scientist, dataset_id=dataset.pk, row_version=1, name="Toronto arrests", licence="GPL-2 or later"
    )

    assert (edited.name, edited.row_version) == ("Toronto arrests", 2)
    with pytest.raises(Conflict) as error:
        services.dataset_edit(actor=scientist, dataset_id=dataset.pk, row_version=1, name="x")
    assert error.value.code == "stale"
    with pytest.raises(Conflict, match="already"):
        dataset_make(scientist, team, name="toronto ARRESTS")
    with pytest.raises(Forbidden):
        dataset_make(actor_make(Role.PRODUCT_OWNER, team), team)
    with pytest.raises(NotFound):
        services.dataset_edit(actor=actor_make(Role.DATA_SCIENTIST, team_make()), dataset_id=dataset.pk, name="x")
    assert AuditEvent.objects.get(action="dataset.edited").before["name"] == "Arrests"


def test_a_dataset_is_not_tied_to_another_teams_problem():
    team, scientist, _owner = people()
    other_team, other, other_owner = people()
    problem, _ = problem_accepted(other, other_owner, other_team)

    with pytest.raises(Invalid):
        dataset_make(scientist, team, problem)


def test_a_profile_seals_the_version_with_guessed_roles_and_a_split():
    _, scientist, _, _problem, _agreed, dataset = _with_problem()

    version = version_sealed(scientist, dataset)

    assert (version.state, version.row_count) == ("SEALED", 240)
    assert {c["name"]: c["role"] for c in version.schema} == {
        "released": "TARGET",
        "colour": "SEGMENT",
        "age": "SEGMENT",
        "employed": "FEATURE",
        "checks": "FEATURE",
    }
    assert version.split == SplitSpec(0, (0.6, 0.1, 0.3), None).to_json()
    facts = selectors.training_facts(version)
    assert facts == {
        "target": "released",
        "features": [{"name": "employed", "type": "STRING"}, {"name": "checks", "type": "INTEGER"}],
        "id_column": None,
        "weight_column": None,
        "query_column": None,
        "table": {"sha256": version.table_sha256, "size": version.table_size, "format": "parquet"},
        "split": version.split,
    }
    assert AuditEvent.objects.filter(action="dataset.version_sealed").count() == 1


def test_an_id_a_time_and_useless_columns_are_guessed():
    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)
    rows = [[str(i + 100), "same", str(i % 3), f"note {i}"] for i in range(300)]
    version = profile_end(version_make(scientist, dataset, csv_bytes(rows, ["case_id", "constant", "size", "note"])))

    assert {c["name"]: c["role"] for c in version.schema} == {
        "case_id": "ID",
        "constant": "IGNORED",
        "size": "FEATURE",
        "note": "IGNORED",
    }
    assert version.split["by"] == "case_id"


def test_support_says_where_data_is_thin_and_is_counted_anew_when_segments_change():
    _, scientist, _, problem, _agreed, dataset = _with_problem()
    version = version_sealed(scientist, dataset, csv_bytes(rows_make(240)))

    report = selectors.support_report(version)

    assert report.counted
    assert sum(row.n for row in report.rows if row.segment == "Age") == 240
    assert any("not enough data (n = " in row.thin for row in report.rows)
    tone, headline, _ = selectors.verdict_of(version, report)
    assert (tone, headline[:34]) == ("warn", "Not every segment has enough rows:")

    problem_services.segment_save(
        actor=scientist, problem_id=problem.pk, name="Checks", expression="checks", bands={"edges": [3]}
    )
    assert not selectors.support_report(version).counted
    job = Job.objects.get(pk=services.version_support_count(actor=scientist, version_id=version.pk))
    assert job.spec["purpose"] == "support"
    services.profile_finish(job, {"segments": profile_of(version, job.spec["segments"])["segments"]}, {})
    again = selectors.support_report(version)
    assert again.counted
    assert {row.segment for row in again.rows} == {"Age", "Colour", "Employed", "Checks"}
    with pytest.raises(Conflict):
        services.version_support_count(actor=scientist, version_id=version.pk)


@pytest.mark.parametrize(
    "change",
    [
        {"row_count": 0},
        {"row_count": True},
        {"columns": []},
        {"columns": [{"name": "a", "type": "BLOB"}]},
        {"columns": [{"name": "a", "type": "STRING"}, {"name": "a", "type": "STRING"}]},
        {"sample": {"columns": ["a"], "rows": [[float("nan")]]}},
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused(change):
    team, scientist, _ = people()
    version = version_make(scientist, dataset_make(scientist, team))

    with pytest.raises(Conflict):
        profile_end(version, **change)

    version.refresh_from_db()
    assert version.state == "PROFILING"


def test_a_file_that_cannot_be_read_fails_with_its_place_and_loses_its_bytes(store, django_capture_on_commit_callbacks):
    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)
    version = version_make(scientist, dataset, csv_bytes(rows_make(50)))
    job = Job.objects.get(pk=version.job_id)
    told = {"error": {"code": "RAGGED", "message": "Line 31 has 4 fields; the header has 5", "line": 31, "column": 5}}
    JobAttempt.objects.create(job=job, number=1, state="ENDED", exit_code=65, result=told)

    Job.objects.filter(pk=job.pk).update(state="FAILED")
    with django_capture_on_commit_callbacks(execute=True):
        services.profile_fail(job, "Line 31 has 4 fields")

    version.refresh_from_db()
    assert version.state == "FAILED"
    assert version.error["line"] == 31
    assert [line[0] for line in version.error["lines"]] == [1, 30, 31, 32]
    assert files_in(store) == []
    with pytest.raises(Conflict, match="were removed"):
        services.version_profile_again(actor=scientist, version_id=version.pk)
    corrected = version_make(scientist, dataset, csv_bytes(rows_make(50)))
    assert (corrected.number, corrected.pk != version.pk) == (2, True)


def test_the_bytes_of_a_failed_file_stay_when_another_version_has_them(store, django_capture_on_commit_callbacks):
    team, scientist, _ = people()
    kept = version_sealed(scientist, dataset_make(scientist, team), csv_bytes(rows_make(50)))
    failed = version_make(scientist, dataset_make(scientist, team), csv_bytes(rows_make(50)))
    job = Job.objects.get(pk=failed.job_id)
    JobAttempt.objects.create(job=job, number=1, state="ENDED", result={"error": {"message": "No."}})

    with django_capture_on_commit_callbacks(execute=True):
        services.profile_fail(job, "No.")

    assert blob_exists(kept.content_digest)


def test_another_failure_keeps_the_bytes_and_may_be_tried_again(store):
    team, scientist, _ = people()
    version = version_make(scientist, dataset_make(scientist, team))
    job = Job.objects.get(pk=version.job_id)
    job.state = "CANCELLED"

    services.profile_fail(job, "Cancelled by a person")

    version.refresh_from_db()
    assert (version.state, version.error["code"]) == ("FAILED", "PROFILE_FAILED")
    again = services.version_profile_again(actor=scientist, version_id=version.pk)
    assert (again.state, again.job_id != job.pk) == ("PROFILING", True)
    assert profile_end(again).state == "SEALED"


def test_roles_and_split_change_until_the_version_is_used():
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)

    saved = services.version_roles_save(
        actor=scientist,
        version_id=version.pk,
        roles={"age": "FEATURE", "checks": "ID"},
        row_version=version.row_version,
    )
    saved = services.version_split_save(
        actor=scientist, version_id=version.pk, seed=7, fractions={"train": 0.5, "test": 0.5}, by="checks"
    )

    facts = selectors.training_facts(saved)
    assert [f["name"] for f in facts["features"]] == ["age", "employed"]
    assert (facts["id_column"], facts["split"]["seed"]) == ("checks", 7)

    services.version_cite(actor=scientist, version_id=version.pk)
    for call in (
        lambda: services.version_roles_save(actor=scientist, version_id=version.pk, roles={"age": "IGNORED"}),
        lambda: services.version_split_save(
            actor=scientist, version_id=version.pk, seed=1, fractions={"train": 0.5, "test": 0.5}
        ),
    ):
        with pytest.raises(Conflict) as error:
            call()
        assert error.value.code == "cited"


@pytest.mark.parametrize(
    "roles", [{"nothing": "FEATURE"}, {"age": "HERO"}, {"age": "TARGET"}, {"age": "ID", "checks": "ID"}]
)
def test_roles_that_do_not_fit(roles):
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)

    with pytest.raises(Invalid):
        services.version_roles_save(actor=scientist, version_id=version.pk, roles=roles)


@pytest.mark.parametrize(
    ("seed", "fractions", "by"),
    [
        (-1, {"train": 0.5, "test": 0.5}, None),
        (0, {"train": 0.5, "test": 0.6}, None),
        (0, {"train": 1.0}, None),
        (0, {"train": float("nan"), "test": 0.5}, None),
        (0, {"train": 0.5, "test": 0.5}, "nothing"),
    ],
)
def test_splits_that_do_not_fit(seed, fractions, by):
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)

    with pytest.raises(Invalid):
        services.version_split_save(actor=scientist, version_id=version.pk, seed=seed, fractions=fractions, by=by)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE datasets_datasetversion SET content_digest = 'x'",
        "UPDATE datasets_datasetversion SET profile = '{}'",
        "UPDATE datasets_datasetversion SET state = 'PROFILING'",
        "UPDATE datasets_datasetversion SET state = 'FAILED'",
        "UPDATE datasets_datasetversion SET schema = '[]'",
        "UPDATE datasets_datasetversion SET split = '{}'",
        "UPDATE datasets_datasetversion SET cited_at = NULL",
        "DELETE FROM datasets_datasetversion",
    ],
)
def test_a_used_version_refuses_sql(sql):
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)
    services.version_cite(actor=scientist, version_id=version.pk)

    SegmentSupport.objects.all().delete()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_only_a_sealed_version_is_used():
    team, scientist, _ = people()
    version = version_make(scientist, dataset_make(scientist, team))

    with pytest.raises(Conflict):
        services.version_cite(actor=scientist, version_id=version.pk)
    with pytest.raises(Conflict):
        selectors.training_facts(version)


def test_quarantine_release_and_recall_are_told(monkeypatch):
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)
    heard: list[contracts.DataChange] = []
    monkeypatch.setattr(contracts, "_listeners", [heard.append])

    services.version_quarantine(actor=scientist, version_id=version.pk, reason="Ages look wrong")
    with pytest.raises(Conflict):
        services.version_cite(actor=scientist, version_id=version.pk)
    services.version_release(actor=scientist, version_id=version.pk, reason="They were right")
    services.version_recall(actor=scientist, version_id=version.pk, reason="Licence withdrawn")
    with pytest.raises(Conflict):
        services.version_release(actor=scientist, version_id=version.pk, reason="x")

    assert [change.kind for change in heard] == ["QUARANTINED", "RELEASED", "RECALLED"]
    with pytest.raises(Forbidden):
        services.version_recall(actor=actor_make(Role.PRODUCT_OWNER, dataset.team), version_id=version.pk, reason="x")


def test_a_purge_needs_its_name_typed_and_leaves_a_tombstone(store, monkeypatch, django_capture_on_commit_callbacks):
    _, scientist, _, _, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)

    with pytest.raises(Invalid):
        services.version_purge(actor=scientist, version_id=version.pk, reason="Space", confirm="yes")
    monkeypatch.setattr(contracts, "_vetoes", [lambda pk: ["Model 3 is live and was trained on it."]])
    with pytest.raises(Conflict) as error:
        services.version_purge(actor=scientist, version_id=version.pk, reason="Space", confirm=str(version))
    assert error.value.items == ["Model 3 is live and was trained on it."]
    monkeypatch.setattr(contracts, "_vetoes", [])
    with django_capture_on_commit_callbacks(execute=True):
        services.version_purge(actor=scientist, version_id=version.pk, reason="Space", confirm=str(version))

    assert files_in(store) == []
    version.refresh_from_db()
    assert (version.state, version.profile is not None, version.purged_at is not None) == ("SEALED", True, True)
    with pytest.raises(Conflict):
        selectors.training_facts(version)


def test_an_unused_dataset_is_deleted_and_a_used_one_is_not(store, django_capture_on_commit_callbacks):
    _, scientist, _, problem, _, dataset = _with_problem()
    version = version_sealed(scientist, dataset)
    unused = dataset_make(scientist, dataset.team, problem)
    version_sealed(scientist, unused)
    services.version_cite(actor=scientist, version_id=version.pk)
    before = len(files_in(store))

    preview = services.delete_preview(scientist, dataset.pk)
    assert (preview.allowed, preview.used) == (False, [str(version)])
    with pytest.raises(Conflict) as error:
        services.dataset_delete(actor=scientist, dataset_id=dataset.pk, confirm=dataset.name)
    assert error.value.code == "in_use"

    assert services.delete_preview(scientist, unused.pk).bytes > 0
    with django_capture_on_commit_callbacks(execute=True):
        services.dataset_delete(actor=scientist, dataset_id=unused.pk, confirm=unused.name)
    assert not Dataset.objects.filter(pk=unused.pk).exists()
    assert len(files_in(store)) == before - 2
    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk).delete()


def test_archive_and_restore():
    team, scientist, _ = people()
    dataset = dataset_make(scientist, team)

    services.dataset_archive(actor=scientist, dataset_id=dataset.pk)

    assert not selectors.dataset_list(scientist).filter(pk=dataset.pk).exists()
    with pytest.raises(Conflict):
        version_make(scientist, dataset)
    services.dataset_restore(actor=scientist, dataset_id=dataset.pk)
    assert selectors.dataset_list(scientist).get(pk=dataset.pk).version_count == 0
    assert problem_selectors.problem_list(scientist).count() == 0
