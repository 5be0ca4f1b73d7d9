"""A schedule that says something else: counted from now, nothing twice, and never with another's rights."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed
from apps.schedules import services
from apps.schedules.models import Schedule, ScheduleRun
from apps.training.tests.factories import Ground, ground_make, launch_make

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def made(ground: Ground, **fields) -> Schedule:
    values = {"name": "Nightly", "trigger": "CRON", "cron": "0 2 * * *", "act": "TRAINING", "now": NOW}
    return services.schedule_create(actor=ground.scientist, launch_id=launch_make(ground).pk, **{**values, **fields})


def changed(ground: Ground, schedule: Schedule, actor=None, **changes) -> Schedule:
    return services.schedule_change(
        actor=actor or ground.scientist, schedule_id=schedule.pk, changes=changes, row_version=None, now=NOW
    )


def test_other_times_are_counted_from_now_and_the_state_stays():
    ground = ground_make()
    schedule = made(ground)

    found = changed(ground, schedule, cron="15 3 * * *", zone="Europe/Berlin")

    assert found.next_at == datetime(2026, 11, 3, 2, 15, tzinfo=UTC)
    assert (found.state, found.row_version) == ("ACTIVE", 2)
    entry = AuditEvent.objects.get(action="schedule.change")
    assert entry.before == {"cron": "0 2 * * *", "zone": "UTC"}
    assert entry.after == {"cron": "15 3 * * *", "zone": "Europe/Berlin"}


def test_another_name_moves_no_time_and_the_same_again_changes_nothing():
    ground = ground_make()
    schedule = made(ground)
    due = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
    Schedule.objects.filter(pk=schedule.pk).update(next_at=due)  # a tick is late

    assert changed(ground, schedule, name="Every night").next_at == due
    assert changed(ground, schedule, name="Every night").row_version == 2


def test_what_is_there_of_other_data_is_no_change_and_what_waited_is_left_out():
    ground = ground_make()
    schedule = made(ground, name="On data", trigger="DATA", cron="", dataset_id=ground.version.dataset_id)
    waiting = ScheduleRun.objects.create(schedule=schedule, key="change:x", cause="version 9", due_at=NOW)
    other = dataset_make(ground.scientist, ground.team, ground.problem)
    version_sealed(ground.scientist, other, csv_bytes(rows_make(40)))

    found = changed(ground, schedule, dataset_id=other.pk)
    services.schedules_tick(now=NOW)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.note) == ("SKIPPED", "The schedule was changed before it ran.")
    assert len(found.seen) == 1
    assert ScheduleRun.objects.filter(schedule=schedule).count() == 1


def test_from_the_clock_to_changes_and_back():
    ground = ground_make()
    schedule = made(ground)

    found = changed(ground, schedule, trigger="DATA", dataset_id=ground.version.dataset_id)
    assert (found.next_at, found.cron, len(found.seen)) == (None, "", 1)
    found = changed(ground, schedule, trigger="CRON", cron="0 5 * * *")
    assert (found.dataset_id, found.next_at) == (None, datetime(2026, 11, 3, 5, 0, tzinfo=UTC))


def test_who_changes_it_lends_it_the_own_rights():
    ground = ground_make()
    schedule = made(ground)
    other = actor_make(Role.DATA_SCIENTIST, ground.team)

    assert changed(ground, schedule, actor=other, cron="0 4 * * *").owner_id == other.id


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "every day"}, "cron"),
        ({"zone": "Mars"}, "zone"),
        ({"name": " "}, "name"),
        ({"trigger": "DATA"}, "dataset_id"),
        ({"act": "SWEEP"}, "sweep_id"),
        ({"missed": "ALL"}, "missed"),
        ({"state": "ACTIVE"}, "state"),
        ({"owner_id": "x"}, "owner_id"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field_and_nothing_changes(changes, field):
    ground = ground_make()
    schedule = made(ground)

    with pytest.raises(Invalid) as refused:
        changed(ground, schedule, **changes)

    assert field in refused.value.fields
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.row_version) == ("0 2 * * *", 1)


def test_strangers_onlookers_and_stale_forms_change_nothing():
    ground = ground_make()
    schedule = made(ground)

    with pytest.raises(NotFound):
        changed(ground, schedule, actor=actor_make(Role.DATA_SCIENTIST, team_make()), name="Mine")
    with pytest.raises(Forbidden):
        changed(ground, schedule, actor=ground.owner, name="Mine")
    with pytest.raises(Conflict) as stale:
        services.schedule_change(
            actor=ground.scientist, schedule_id=schedule.pk, changes={"name": "Mine"}, row_version=7
        )
    assert stale.value.code == "stale"
