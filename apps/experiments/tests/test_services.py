from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import policies, selectors, services
from apps.experiments.models import Artifact, Metric, Run
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import (
    artifact_make,
    experiment_make,
    points,
    run_actor,
    run_make,
    run_measured,
    scientist,
)

pytestmark = pytest.mark.django_db


def test_an_experiment_has_one_name_in_a_team_and_a_number_of_its_own():
    actor, team = scientist()
    other, elsewhere = scientist()
    first = experiment_make(actor, team, name="Cheaper advice")

    with pytest.raises(Conflict) as taken:
        experiment_make(actor, team, name="cheaper ADVICE")
    second = experiment_make(other, elsewhere, name="Cheaper advice")

    assert taken.value.code == "name_taken"
    assert first.number != second.number
    assert services.experiment_get_or_create(actor=actor, team_id=team.pk, name=" cheaper advice ").pk == first.pk


@pytest.mark.parametrize("name", ["", "   ", "x" * 501])
def test_an_experiment_needs_a_name_of_some_length(name: str):
    actor, team = scientist()

    with pytest.raises(Invalid) as refused:
        experiment_make(actor, team, name=name)

    assert "name" in refused.value.fields


def test_who_may_only_look_opens_and_changes_nothing():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    run = run_make(actor, experiment)
    viewer = actor_make(Role.VIEWER, team)

    for act in (
        lambda: experiment_make(viewer, team, name="mine"),
        lambda: services.experiment_update(actor=viewer, experiment_id=experiment.pk, conclusion="so"),
        lambda: services.experiment_archive(actor=viewer, experiment_id=experiment.pk),
        lambda: run_make(viewer, experiment),
        lambda: services.metrics_log(actor=viewer, run_id=run.pk, points=points("a", [1.0])),
        lambda: services.run_notes_save(actor=viewer, run_id=run.pk, notes="x"),
        lambda: services.run_archive(actor=viewer, run_id=run.pk),
        lambda: artifact_make(viewer, run),
    ):
        with pytest.raises(Forbidden):
            act()


def test_what_belongs_to_another_team_does_not_exist():
    actor, team = scientist()
    stranger, _ = scientist()
    experiment = experiment_make(actor, team)
    run = run_make(actor, experiment)

    for act in (
        lambda: selectors.experiment_get(stranger, experiment.pk),
        lambda: selectors.run_get(stranger, run.pk),
        lambda: services.experiment_update(actor=stranger, experiment_id=experiment.pk, conclusion="so"),
        lambda: run_make(stranger, experiment),
        lambda: services.tags_set(actor=stranger, run_id=run.pk, tags={"a": "b"}),
        lambda: artifact_make(stranger, run),
        lambda: selectors.run_compare(stranger, [run.pk]),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_conclusion_closes_an_experiment_and_each_change_leaves_an_entry():
    actor, team = scientist()
    experiment = experiment_make(actor, team)

    closed = services.experiment_update(actor=actor, experiment_id=experiment.pk, conclusion="Trees do not help.")
    opened = services.experiment_update(actor=actor, experiment_id=experiment.pk, conclusion="")
    services.experiment_archive(actor=actor, experiment_id=experiment.pk)
    services.experiment_archive(actor=actor, experiment_id=experiment.pk)

    assert (closed.state, opened.state) == ("CONCLUDED", "OPEN")
    actions = AuditEvent.objects.filter(object_id=str(experiment.pk)).order_by("id").values_list("action", flat=True)
    assert list(actions) == [
        "experiment.create",
        "experiment.update",
        "experiment.update",
        "experiment.archive",
    ]


def test_a_stale_form_overwrites_nothing():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    run = run_make(actor, experiment)
    services.experiment_update(actor=actor, experiment_id=experiment.pk, hypothesis="theirs", row_version=1)
    services.run_notes_save(actor=actor, run_id=run.pk, notes="theirs", row_version=1)

    with pytest.raises(Conflict) as late:
        services.experiment_update(actor=actor, experiment_id=experiment.pk, hypothesis="mine", row_version=1)
    with pytest.raises(Conflict) as later:
        services.run_notes_save(actor=actor, run_id=run.pk, notes="mine", row_version=1)

    assert (late.value.code, later.value.code) == ("stale", "stale")
    experiment.refresh_from_db()
    assert experiment.hypothesis == "theirs"


def test_measurements_are_appended_once_and_the_newest_is_kept_at_hand():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    batch = [MetricPoint("loss", 0.5, 10, 0), MetricPoint("loss", 0.3, 12, 2), MetricPoint("loss", 0.4, 11, 1)]

    services.metrics_log(actor=actor, run_id=run.pk, points=batch)
    services.metrics_log(actor=actor, run_id=run.pk, points=batch)
    services.metrics_log(actor=actor, run_id=run.pk, points=[MetricPoint("loss", float("nan"), 13, 3)])

    run.refresh_from_db()
    assert Metric.objects.filter(run=run).count() == 4
    assert run.metrics_latest["loss"] == ["NaN", 3, 13]
    assert [m.step for m in selectors.metric_history(run, "loss")] == [0, 1, 2, 3]


def test_ids_of_measurements_are_in_the_order_in_which_they_are_committed():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    services.metrics_log(actor=actor, run_id=run.pk, points=points("a", [1.0, 2.0]))
    first = selectors.metrics_after(run.pk, 0)

    services.metrics_log(actor=actor, run_id=run.pk, points=points("b", [3.0]))
    after = selectors.metrics_after(run.pk, first[-1].pk)

    assert [m.key for m in first] == ["a", "a"]
    assert [m.key for m in after] == ["b"]


def test_params_do_not_change_and_a_batch_is_all_or_nothing():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team), params={"depth": "4"})

    services.params_log(actor=actor, run_id=run.pk, params={"depth": "4", "trees": "200"})
    with pytest.raises(Invalid, match="do not change"):
        services.run_batch_log(
            actor=actor, run_id=run.pk, metrics=points("loss", [1.0]), params={"depth": "5"}, tags={"a": "b"}
        )

    run.refresh_from_db()
    assert run.params == {"depth": "4", "trees": "200"}
    assert run.tags == {}
    assert not Metric.objects.exists()


@pytest.mark.parametrize(
    "point",
    [
        MetricPoint("", 1.0, 1),
        MetricPoint("x" * 251, 1.0, 1),
        MetricPoint("a\x00", 1.0, 1),
        MetricPoint("a", 1.0, 2**63),
        MetricPoint("a", 1.0, 1, -(2**63) - 1),
    ],
)
def test_a_measurement_that_cannot_be_stored_is_refused(point: MetricPoint):
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    with pytest.raises(Invalid):
        services.metrics_log(actor=actor, run_id=run.pk, points=[point])

    assert not Metric.objects.exists()


def test_a_sealed_run_takes_tags_and_notes_and_nothing_else():
    actor, team = scientist()
    run = run_measured(actor, experiment_make(actor, team))
    logged = services.logged_model_create(
        actor=actor, experiment_number=run.experiment.number, name="m", source_run_id=run.pk
    )
    services.run_seal(run_id=run.pk)

    services.tags_set(actor=actor, run_id=run.pk, tags={"a": "b"})
    services.run_notes_save(actor=actor, run_id=run.pk, notes="kept")
    services.run_archive(actor=actor, run_id=run.pk)
    for act in (
        lambda: services.metrics_log(actor=actor, run_id=run.pk, points=points("a", [1.0])),
        lambda: services.params_log(actor=actor, run_id=run.pk, params={"a": "b"}),
        lambda: services.run_update(actor=actor, run_id=run.pk, status="RUNNING"),
        lambda: services.run_inputs_add(actor=actor, run_id=run.pk, inputs=[]),
        lambda: artifact_make(actor, run),
        lambda: services.artifact_store(actor=actor, logged_model_id=logged.pk, path="a", chunks=[b"x"]),
        lambda: services.logged_model_create(
            actor=actor, experiment_number=run.experiment.number, name="n", source_run_id=run.pk
        ),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "run_sealed"

    run.refresh_from_db()
    assert (run.tags, run.notes, run.deleted_at is None) == ({"a": "b"}, "kept", False)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE experiments_run SET name = 'other' WHERE id = %s",
        "UPDATE experiments_run SET params = '{}' WHERE id = %s",
        "UPDATE experiments_run SET sealed_at = NULL WHERE id = %s",
        "DELETE FROM experiments_run WHERE id = %s",
        "UPDATE experiments_metric SET value = 0 WHERE run_id = %s",
        "DELETE FROM experiments_metric WHERE run_id = %s",
    ],
)
def test_the_database_itself_refuses_to_change_a_sealed_run_or_a_measurement(sql: str):
    actor, team = scientist()
    run = run_measured(actor, experiment_make(actor, team), params={"a": "1"})
    services.run_seal(run_id=run.pk)

    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [run.pk])


def test_an_attempt_writes_its_own_run_alone():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    mine, other = run_make(actor, experiment), run_make(actor, experiment)
    attempt = run_actor(mine)

    services.metrics_log(actor=attempt, run_id=mine.pk, points=points("a", [1.0]))
    with pytest.raises(NotFound):
        services.metrics_log(actor=attempt, run_id=other.pk, points=points("a", [1.0]))
    with pytest.raises(NotFound):
        run_make(attempt, experiment)

    assert policies.run_write(attempt, mine)
    assert not policies.run_write(attempt, other)
    assert list(Run.objects.visible_to(attempt)) == [mine]


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a//b", "a/./b", "a\\b", "C:/a", "a\x00", "a\nb", "%2e%2e/a", "x" * 501, ".."]
)
def test_a_file_path_stays_below_its_run(path: str):
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    with pytest.raises(Invalid):
        artifact_make(actor, run, path)

    assert not Artifact.objects.exists()


def test_the_same_path_is_replaced_while_the_run_is_open():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    first = artifact_make(actor, run, "a/b.txt", b"one")
    again = artifact_make(actor, run, "a/b.txt", b"other")
    artifact_make(actor, run, "a/c.txt", b"three")
    services.artifact_delete(actor=actor, run_id=run.pk, path="a")

    assert first.pk == again.pk
    assert again.sha256 != first.sha256 or again.size == 5
    assert not Artifact.objects.exists()


def test_a_run_that_has_ended_stays_as_it_ended():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))

    services.run_finish(actor=actor, run_id=run.pk, status="FINISHED")
    again = services.run_finish(actor=actor, run_id=run.pk, status="FAILED")

    assert again.status == "FINISHED"
    assert AuditEvent.objects.filter(object_id=str(run.pk), action="run.finish").count() == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_batches_lose_nothing_and_agree_on_the_newest():
    actor, team = scientist(team_make())
    run = run_make(actor, experiment_make(actor, team))

    def write(worker: int) -> None:
        try:
            for step in range(5):
                point = MetricPoint(f"m{worker}", float(step), worker * 100 + step, step)
                services.run_batch_log(actor=actor, run_id=run.pk, metrics=[point], params={f"p{worker}": "1"})
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))

    run.refresh_from_db()
    assert Metric.objects.filter(run=run).count() == 40
    assert {key: held[0] for key, held in run.metrics_latest.items()} == {f"m{n}": 4.0 for n in range(8)}
    assert len(run.params) == 8
