"""Beginning and changing a run by one call of the database: what is told is what is stored, and every door is held."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import services
from apps.experiments.models import Run
from apps.experiments.tests.factories import experiment_make, points, run_actor, run_make, scientist

pytestmark = pytest.mark.django_db
THEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def begin(actor, number: int, **fields):
    about = {"name": "one", "started_at": THEN, "tags": {"a": 'b"\\{}'}, "notes": "", "code": {}, "user_name": "me"}
    return services.run_begin(actor=actor, number=number, **about | fields)


def test_a_run_begins_as_it_is_told_with_one_entry():
    actor, team = scientist()
    experiment = experiment_make(actor, team)

    told = begin(actor, experiment.number, notes="why", code={"commit": "abcdef0"}, user_name="x" * 300)

    held = Run.objects.get(pk=told.pk)
    for field in Run._meta.concrete_fields:
        assert getattr(told, field.attname) == getattr(held, field.attname), field.name
    assert (held.experiment_id, held.team_id, held.status) == (experiment.pk, team.pk, "RUNNING")
    entry = AuditEvent.objects.get(object_id=str(held.pk))
    assert (entry.action, entry.actor_id, entry.team_id, entry.object_label) == ("run.create", actor.id, team.pk, "one")
    assert entry.actor_label == actor.label


def test_nothing_begins_for_who_may_not_or_where_nothing_is():
    actor, team = scientist()
    experiment, archived = experiment_make(actor, team), experiment_make(actor, team)
    services.experiment_archive(actor=actor, experiment_id=archived.pk)
    stranger, _ = scientist()

    for who, number in (
        (actor_make(Role.VIEWER, team), experiment.number),
        (stranger, experiment.number),
        (actor, archived.number),
        (actor, experiment.number + 10_000),
    ):
        assert begin(who, number) is None
    assert begin(actor, experiment.number, name="x" * 251) is None
    assert not Run.objects.exists()
    assert not AuditEvent.objects.filter(action="run.create").exists()


def test_a_changed_run_is_told_as_it_is_stored_and_says_what_changed():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    told = services.run_update(actor=actor, run_id=run.pk, status="FINISHED", name="other", ended_at=THEN)

    held = Run.objects.get(pk=run.pk)
    assert (held.status, held.name, held.ended_at, held.row_version) == ("FINISHED", "other", THEN, run.row_version + 1)
    for name in ("pk", "team_id", "experiment_id", "experiment_number", "name", "status", "started_at", "ended_at"):
        assert getattr(told, name) == getattr(held, name), name
    entry = AuditEvent.objects.get(action="run.update")
    assert entry.before == {"status": "RUNNING", "name": run.name}
    assert entry.after == {"status": "FINISHED", "name": "other"}


def test_the_same_again_is_no_entry_and_running_again_has_no_end():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    for _ in range(2):
        services.run_update(actor=actor, run_id=run.pk, status="FINISHED", ended_at=THEN)
    assert AuditEvent.objects.filter(action="run.update").count() == 1

    services.run_update(actor=actor, run_id=run.pk, status="RUNNING")

    run.refresh_from_db()
    assert (run.status, run.ended_at) == ("RUNNING", None)


def test_a_cited_run_is_sealed_by_its_end_and_takes_no_other_status():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    services.run_seal(run_id=run.pk, at_end=True)

    ended = services.run_update(actor=actor, run_id=run.pk, status="FINISHED", ended_at=THEN)

    assert ended.sealed_at is not None
    with pytest.raises(Conflict):
        services.run_update(actor=actor, run_id=run.pk, status="FAILED")


def test_who_may_not_change_a_run_is_told_why():
    actor, team = scientist()
    run, other = (run_make(actor, experiment_make(actor, team)) for _ in range(2))
    stranger, _ = scientist()

    with pytest.raises(Forbidden):
        services.run_update(actor=actor_make(Role.VIEWER, team), run_id=run.pk, status="FAILED")
    for who, pk in ((stranger, run.pk), (actor, uuid.uuid4()), (run_actor(other), run.pk)):
        with pytest.raises(NotFound):
            services.run_update(actor=who, run_id=pk, status="FAILED")
    services.run_archive(actor=actor, run_id=run.pk)
    with pytest.raises(Invalid):
        services.run_update(actor=actor, run_id=run.pk, status="FAILED")
    run.refresh_from_db()
    assert run.status == "RUNNING"


def test_keys_may_hold_what_an_array_of_the_database_is_written_with():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    keys = ['a"b', "a\\b", "{a,b}", "a b, c", "NULL", "ü/é"]

    services.metrics_log(actor=actor, run_id=run.pk, points=[points(key, [1.0])[0] for key in keys])

    run.refresh_from_db()
    assert sorted(run.metrics_latest) == sorted(keys)
