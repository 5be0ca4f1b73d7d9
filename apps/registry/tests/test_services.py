from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments.tests.factories import experiment_make, run_make, scientist
from apps.lineage import selectors as lineage
from apps.registry import contracts, selectors, services
from apps.registry.models import Model, ModelVersion
from apps.registry.services.files import manifest_digest
from apps.registry.tests.factories import facts_of, files_log, model_make, version_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def nothing_live(monkeypatch):
    """`nothing_live[model_id] = version_id` makes a version live."""
    live = {}
    monkeypatch.setattr(contracts, "_live_lookup", [lambda pks: live])
    return live


def test_a_version_is_sealed_with_what_the_store_holds_not_with_what_is_claimed():
    actor, team = scientist()
    version = version_make(actor, team, manifest=[{"path": "lie", "sha256": "0" * 64, "size": 1}])

    assert version.state == "SEALED"
    assert version.number == 1
    assert {row["path"] for row in version.manifest} == {"MLmodel", "model.skops"}
    assert all(len(row["sha256"]) == 64 and row["size"] > 0 for row in version.manifest)
    assert version.content_digest == manifest_digest(version.manifest)
    version.run.refresh_from_db()
    assert version.run.sealed_at is not None
    assert AuditEvent.objects.filter(object_id=str(version.pk), action="version.register").count() == 1
    up = lineage.lineage_of(actor, "registry.modelversion", version.pk).upstream
    assert [(edge.relation, edge.object.type) for edge in up] == [("GENERATED_BY", "experiments.run")]


def test_the_same_registration_again_is_the_version_that_stands():
    actor, team = scientist()
    model = model_make(actor, team)
    run = run_make(actor, experiment_make(actor, team))
    logged = files_log(actor, run)

    first, again = (
        services.model_version_create(
            actor=actor, model_id=model.pk, run_id=run.pk, facts=facts_of(logged), trained_by_id=actor.id
        )
        for _ in range(2)
    )

    assert first.pk == again.pk
    assert ModelVersion.objects.count() == 1
    assert AuditEvent.objects.filter(action="version.register").count() == 1


def test_the_same_bytes_of_another_run_are_the_same_version():
    actor, team = scientist()
    model = model_make(actor, team)
    files = {"MLmodel": b"flavors", "model.skops": b"the same"}

    first = version_make(actor, team, model=model, files=files)
    second = version_make(actor, team, model=model, files=files)
    elsewhere = version_make(actor, team, files=files)

    assert first.pk == second.pk
    assert elsewhere.pk != first.pk


@pytest.mark.parametrize(
    "files",
    [
        {"MLmodel": b"x", "model.pkl": b"\x80\x04"},
        {"MLmodel": b"x", "model.skops": b"y", "extra.joblib": b"z"},
        {"MLmodel": b"x", "python_model.cloudpickle": b"z"},
        {"MLmodel": b"x", "weights.pt": b"z"},
        {"MLmodel": b"x", "model.npy": b"z"},
        {"MLmodel": b"x"},
        {"MLmodel": b"x", "code/run.py": b"import os"},
        {"MLmodel": b"x", "model.skops": b"a", "second.onnx": b"b"},
    ],
)
def test_what_is_in_no_safe_format_is_kept_and_quarantined(files: dict[str, bytes]):
    actor, team = scientist()

    version = version_make(actor, team, files=files)

    assert version.state == "QUARANTINED"
    assert version.quarantine_reason
    assert len(version.manifest) == len(files)
    assert AuditEvent.objects.filter(object_id=str(version.pk), action="version.quarantine").exists()


def test_a_run_that_says_another_format_than_its_files_is_quarantined():
    actor, team = scientist()

    assert version_make(actor, team, format="ONNX").state == "QUARANTINED"
    assert version_make(actor, team, quarantine_reason="The child found a foreign type.").state == "QUARANTINED"


def test_refusals_of_a_registration_one_by_one():
    actor, team = scientist()
    stranger, elsewhere = scientist()
    viewer = actor_make(Role.VIEWER, team)
    model = model_make(actor, team)
    run = run_make(actor, experiment_make(actor, team))
    foreign = run_make(stranger, experiment_make(stranger, elsewhere))
    other_logged = files_log(actor, run_make(actor, run.experiment))

    def register(by, run_id, facts):
        services.model_version_create(actor=by, model_id=model.pk, run_id=run_id, facts=facts, trained_by_id=None)

    with pytest.raises(NotFound):
        register(stranger, run.pk, {})
    with pytest.raises(Forbidden):
        register(viewer, run.pk, {})
    with pytest.raises(NotFound):
        register(actor, foreign.pk, {})
    with pytest.raises(Invalid, match="no files"):
        register(actor, run.pk, {"path": "model"})
    with pytest.raises(Invalid, match="another run"):
        register(actor, run.pk, facts_of(other_logged))
    assert not ModelVersion.objects.exists()
    run.refresh_from_db()
    assert run.sealed_at is None


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE registry_modelversion SET manifest = '[]' WHERE id = %s",
        "UPDATE registry_modelversion SET threshold = 0.1 WHERE id = %s",
        "UPDATE registry_modelversion SET number = 9 WHERE id = %s",
        "UPDATE registry_modelversion SET trained_by_id = NULL WHERE id = %s",
        "DELETE FROM registry_modelversion WHERE id = %s",
    ],
)
def test_the_database_itself_refuses_to_change_a_sealed_version(sql: str):
    actor, team = scientist()
    version = version_make(actor, team)

    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [version.pk])


def test_only_the_description_of_a_sealed_version_changes_and_not_over_what_was_not_seen():
    actor, team = scientist()
    version = version_make(actor, team)

    described = services.version_describe(actor=actor, version_id=version.pk, description="theirs", row_version=1)
    with pytest.raises(Conflict) as stale:
        services.version_describe(actor=actor, version_id=version.pk, description="mine", row_version=1)

    assert (described.description, described.row_version) == ("theirs", 2)
    assert stale.value.code == "stale"


def test_archiving_is_refused_while_a_version_is_live(nothing_live):
    actor, team = scientist()
    version = version_make(actor, team)
    nothing_live[version.model_id] = version.pk

    with pytest.raises(Conflict) as live:
        services.version_archive(actor=actor, version_id=version.pk)
    with pytest.raises(Conflict):
        services.model_archive(actor=actor, model_id=version.model_id)
    nothing_live.clear()
    archived = services.version_archive(actor=actor, version_id=version.pk)
    with pytest.raises(Conflict):
        services.version_archive(actor=actor, version_id=version.pk)
    back = services.version_archive(actor=actor, version_id=version.pk, archived=False)

    assert live.value.code == "live"
    assert (archived.state, back.state) == ("ARCHIVED", "SEALED")


def test_quarantine_takes_a_reason_and_leaves_one_entry():
    actor, team = scientist()
    version = version_make(actor, team)

    with pytest.raises(Invalid):
        services.version_quarantine(actor=actor, version_id=version.pk, reason="  ")
    for _ in range(2):
        version = services.version_quarantine(actor=actor, version_id=version.pk, reason="A foreign type.")

    assert (version.state, version.quarantine_reason) == ("QUARANTINED", "A foreign type.")
    assert AuditEvent.objects.filter(object_id=str(version.pk), action="version.quarantine").count() == 1


def test_a_quarantined_version_is_archived_with_its_aliases_and_comes_back_quarantined():
    actor, team = scientist()
    version = version_make(actor, team)
    services.alias_set(actor=actor, model_id=version.model_id, name="champion", version_id=version.pk)
    services.version_quarantine(actor=actor, version_id=version.pk, reason="A foreign type.")

    archived = services.version_archive(actor=actor, version_id=version.pk)
    back = services.version_archive(actor=actor, version_id=version.pk, archived=False)

    assert (archived.state, back.state) == ("ARCHIVED", "QUARANTINED")
    assert selectors.alias_list(version.model) == {}
    assert AuditEvent.objects.get(action="version.archive").before == {"aliases": ["champion"]}


def test_an_alias_moves_and_never_says_what_is_live():
    actor, team = scientist()
    model = model_make(actor, team)
    first, second = (version_make(actor, team, model=model) for _ in range(2))
    foreign = version_make(actor, team)

    services.alias_set(actor=actor, model_id=model.pk, name="challenger", version_id=first.pk)
    services.alias_set(actor=actor, model_id=model.pk, name="Challenger", version_id=second.pk)

    assert selectors.alias_list(model) == {second.pk: ["Challenger"]}
    for name in ("v3", "latest", "a b", "", "x" * 256, "a\n"):
        with pytest.raises(Invalid):
            services.alias_set(actor=actor, model_id=model.pk, name=name, version_id=first.pk)
    for name in ("live", "Production"):
        with pytest.raises(Conflict):
            services.alias_set(actor=actor, model_id=model.pk, name=name, version_id=first.pk)
    with pytest.raises(NotFound):
        services.alias_set(actor=actor, model_id=model.pk, name="other", version_id=foreign.pk)
    services.alias_delete(actor=actor, model_id=model.pk, name="CHALLENGER")
    with pytest.raises(NotFound):
        services.alias_delete(actor=actor, model_id=model.pk, name="challenger")


def test_a_model_has_one_name_in_a_team_and_stays_with_its_problem():
    from apps.problems.tests.factories import people, problem_accepted

    team, actor, owner = people()
    one, _ = problem_accepted(actor, owner, team)
    other, _ = problem_accepted(actor, owner, team)
    first = model_make(actor, team, name="Release")

    attached = services.model_get_or_create(actor=actor, team_id=team.pk, name="release", problem_id=one.pk)
    with pytest.raises(Conflict):
        services.model_get_or_create(actor=actor, team_id=team.pk, name="Release", problem_id=other.pk)

    assert attached.pk == first.pk
    assert attached.problem_id == one.pk
    for name in ("", " ", "x" * 257):
        with pytest.raises(Invalid):
            model_make(actor, team, name=name)
    with pytest.raises(Forbidden):
        model_make(actor_make(Role.OPERATOR, team), team)


def test_what_lineage_lacks_is_named():
    actor, team = scientist()
    version = version_make(actor, team)

    assert selectors.lineage_missing(version) == ["the environment", "the data"]
    assert selectors.lineage_missing(version, has_data=True) == ["the environment"]


@pytest.mark.django_db(transaction=True)
def test_numbers_are_gapless_also_with_parallel_registrations():
    actor, team = scientist()
    model = model_make(actor, team)
    experiment = experiment_make(actor, team)
    logged = [files_log(actor, run_make(actor, experiment)) for _ in range(16)]

    def register(one) -> int:
        try:
            return services.model_version_create(
                actor=actor,
                model_id=model.pk,
                run_id=one.source_run_id,
                facts=facts_of(one),
                trained_by_id=actor.id,
            ).number
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(register, logged))

    assert numbers == list(range(1, 17))


@pytest.mark.django_db(transaction=True)
def test_the_same_run_registered_in_parallel_is_one_version_and_a_name_one_model():
    actor, team = scientist()
    model = model_make(actor, team)
    logged = files_log(actor, run_make(actor, experiment_make(actor, team)))

    def register(n: int):
        try:
            services.model_get_or_create(actor=actor, team_id=team.pk, name="Raced")
            return services.model_version_create(
                actor=actor,
                model_id=model.pk,
                run_id=logged.source_run_id,
                facts=facts_of(logged),
                trained_by_id=actor.id,
            ).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(register, range(8)))

    assert len(found) == 1
    assert Model.objects.filter(team=team, name="Raced").count() == 1


@pytest.mark.parametrize("name", ["a/b", "a:b", ".", "..", "..b", " ", "x" * 257])
def test_a_model_has_a_name_that_clients_can_say(name: str):
    actor, team = scientist()
    model = model_make(actor, team, name="fine")

    for write in (
        lambda: services.model_create(actor=actor, team_id=team.pk, name=name),
        lambda: services.model_get_or_create(actor=actor, team_id=team.pk, name=name),
        lambda: services.model_update(actor=actor, model_id=model.pk, name=name),
    ):
        with pytest.raises(Invalid) as refused:
            write()
        assert list(refused.value.fields) == ["name"]

    assert services.model_name_fit("Fees: north/south") == "Fees- north-south"
    for odd in (".", "..b"):
        services.model_create(actor=actor, team_id=team.pk, name=services.model_name_fit(odd))


def test_models_from_before_get_names_that_clients_can_say():
    actor, team = scientist()
    taken = model_make(actor, team, name="a-b")
    slash, colon, gone = (model_make(actor, team, name=f"old {n}") for n in range(3))
    Model.objects.filter(pk=slash.pk).update(name="a/b")
    Model.objects.filter(pk=colon.pk).update(name="A:B")
    Model.objects.filter(pk=gone.pk).update(name="a/b", archived_at=timezone.now())

    import_module("apps.registry.migrations.0005_names_for_clients").names_fit(apps, None)

    names = dict(Model.objects.values_list("pk", "name"))
    assert names == {taken.pk: "a-b", slash.pk: "a-b (2)", colon.pk: "A-B (3)", gone.pk: "a-b"}
