"""The prediction log: taken in once, by day, for as long as the rule says; and its numbers."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core.errors import Invalid
from apps.deployments import selectors, services
from apps.deployments.models import PredictionBatch, PredictionLog
from apps.deployments.tests.factories import deployment_of, live_make, row_make, rows_store, stage_make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, 10, tzinfo=UTC)


@pytest.fixture
def live():
    stage = stage_make()
    rollout = live_make(stage)
    return deployment_of(stage), rollout


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'deployments_predictionlog'::regclass"
        )
        return {row[0] for row in cursor.fetchall()}


def where_is(row_id: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM deployments_predictionlog WHERE id = %s", [row_id])
        return str(cursor.fetchone()[0])


def test_a_batch_is_stored_once(live):
    deployment, rollout = live
    batch, rows = str(uuid.uuid4()), [row_make(deployment, rollout) for _ in range(3)]

    assert services.predictions_ingest(batch_id=batch, rows=rows) == 3
    assert services.predictions_ingest(batch_id=batch, rows=rows) == 0

    assert PredictionLog.objects.count() == 3
    assert PredictionBatch.objects.get().rows == 3


def test_a_row_that_came_in_another_batch_is_kept_once(live):
    deployment, rollout = live
    row = row_make(deployment, rollout)

    rows_store(row)
    rows_store(row, row_make(deployment, rollout))

    assert PredictionLog.objects.count() == 2


def test_a_row_is_kept_as_it_came(live):
    deployment, rollout = live
    row = row_make(deployment, rollout, at=NOON, token="123456789abcdef", error="e" * 900)

    rows_store(row)

    kept = PredictionLog.objects.get(id=row["id"])
    assert (kept.at, kept.status, kept.score, kept.latency_ms) == (NOON, 200, 0.9, 2.5)
    assert (kept.inputs, kept.output) == (row["inputs"], row["output"])
    assert (kept.token_hint, len(kept.error), kept.version_id) == ("123456789abc", 300, rollout.model_version_id)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"},
        {"at": "yesterday"},
        {"at": "9999-12-31T23:59:59-14:00"},
        {"status": 7},
        {"status": "two hundred"},
        {"status": None},
        {"latency_ms": "fast"},
        {"latency_ms": float("inf")},
        {"inputs": {"a": "nul \0 inside"}},
        {"inputs": {"a": "half \ud83d of a character"}},
        {"inputs": {"a": float("nan")}},
        {"version_id": "7"},
        {"deployment_id": None},
    ],
)
def test_one_wrong_row_refuses_the_batch_and_nothing_is_half_stored(live, change):
    deployment, rollout = live

    with pytest.raises(Invalid):
        rows_store(row_make(deployment, rollout), {**row_make(deployment, rollout), **change})

    assert not PredictionLog.objects.exists()
    assert not PredictionBatch.objects.exists()


def test_text_that_only_looks_like_nul_is_kept(live):
    deployment, rollout = live

    rows_store(row_make(deployment, rollout, inputs={"a": "\\u0000"}))

    assert PredictionLog.objects.get().inputs == {"a": "\\u0000"}


@pytest.mark.parametrize("rows", [[1], [None], ["x"], [[]], [{}]])
def test_rows_of_another_form_are_refused(rows):
    with pytest.raises(Invalid):
        services.predictions_ingest(batch_id=str(uuid.uuid4()), rows=rows)


def test_too_many_rows_and_a_wrong_batch_are_refused():
    with pytest.raises(Invalid):
        services.predictions_ingest(batch_id=str(uuid.uuid4()), rows=[{}] * 10_001)
    with pytest.raises(Invalid):
        services.predictions_ingest(batch_id="None", rows=[])


def test_the_log_is_append_only(live):
    deployment, rollout = live
    rows_store(row_make(deployment, rollout))

    for change in (lambda: PredictionLog.objects.update(score=0.1), lambda: PredictionLog.objects.all().delete()):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            change()


def test_each_day_has_its_partition(live):
    deployment, rollout = live
    today = date(2026, 3, 4)

    made = services.partitions_make(days=3, today=today)

    assert made == [f"deployments_predictionlog_2026030{day}" for day in (4, 5, 6)]
    assert services.partitions_make(days=3, today=today) == []
    row = row_make(deployment, rollout, at=NOON)
    rows_store(row)
    assert where_is(row["id"]) == "deployments_predictionlog_20260304"


def test_a_day_that_has_rows_already_stays_in_the_default_partition(live):
    deployment, rollout = live
    early = row_make(deployment, rollout, at=NOON)
    rows_store(early)
    assert where_is(early["id"]) == "deployments_predictionlog_rest"

    assert services.partitions_make(days=2, today=date(2026, 3, 4)) == ["deployments_predictionlog_20260305"]


def test_an_installation_begins_with_partitions():
    assert len(partitions()) >= 8


def test_days_past_the_rule_are_dropped_and_no_others(live):
    deployment, rollout = live
    services.partitions_make(days=3, today=date(2026, 3, 4))
    days = [NOON - timedelta(days=30), NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]
    rows_store(*(row_make(deployment, rollout, at=day) for day in days))

    dropped = services.predictions_retain(keep_days=90, today=date(2026, 3, 5) + timedelta(days=90))

    assert dropped == ["deployments_predictionlog_20260304"]
    assert sorted(PredictionLog.objects.values_list("at", flat=True)) == days[2:]
    assert "deployments_predictionlog_20260305" in partitions()


def test_the_numbers_of_a_day_equal_a_count_by_hand(live):
    deployment, rollout = live
    another = live_make(stage_make()).deployment
    minutes = [-5, -6, -7, -8, -45, -60 * 23 - 5]
    latencies = [10.0, 20.0, 30.0, 40.0, 7.0, 9.0]
    rows_store(
        *(
            row_make(deployment, rollout, at=NOON + timedelta(minutes=m), latency_ms=ms)
            for m, ms in zip(minutes, latencies, strict=True)
        ),
        row_make(deployment, rollout, at=NOON - timedelta(minutes=5), status=400, latency_ms=900.0),
        row_make(deployment, None, at=NOON - timedelta(minutes=41), status=500, latency_ms=800.0),
        row_make(deployment, rollout, at=NOON - timedelta(hours=25)),
        row_make(deployment, rollout, at=NOON + timedelta(hours=1)),
        row_make(another, at=NOON),
    )

    traffic = selectors.traffic_of(deployment, now=NOON)

    assert traffic.since == datetime(2026, 3, 3, 12, 30, tzinfo=UTC)
    assert (traffic.count, traffic.refused, traffic.failed) == (8, 1, 1)
    # answers alone: 7, 9, 10, 20, 30, 40
    assert traffic.p50 == pytest.approx(15.0)
    assert traffic.p95 == pytest.approx(37.5)
    assert traffic.p99 == pytest.approx(39.5)
    found = {bucket["at"]: bucket for bucket in traffic.buckets}
    assert len(traffic.buckets) == 48
    assert sum(bucket["count"] for bucket in traffic.buckets) == 8
    last = found[datetime(2026, 3, 4, 12, 0, tzinfo=UTC)]
    assert (last["count"], last["errors"], last["p50"]) == (5, 1, pytest.approx(25.0))
    before = found[datetime(2026, 3, 4, 11, 0, tzinfo=UTC)]
    assert (before["count"], before["errors"], before["p50"]) == (2, 1, 7.0)
    assert found[datetime(2026, 3, 3, 13, 0, tzinfo=UTC)]["count"] == 1


def test_a_silent_deployment_has_no_latency(live):
    traffic = selectors.traffic_of(live[0])

    assert (traffic.count, traffic.p50) == (0, None)
    assert {bucket["count"] for bucket in traffic.buckets} == {0}
