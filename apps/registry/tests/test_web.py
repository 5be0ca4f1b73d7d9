from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make, scientist
from apps.registry import contracts, services
from apps.registry.contracts import VersionBadge, VersionVerdict
from apps.registry.models import Model, ModelVersion
from apps.registry.tests.factories import logged_beside, model_make, version_make
from workers.inspection.tests.skops_files import skops

pytestmark = pytest.mark.django_db
# Five of these are the frame's (session, person, rights, teams, open jobs).
BUDGET = 15


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def data():
    """A scientist with a model of three versions, the last one quarantined."""
    actor, team = scientist()
    model = model_make(actor, team, name="Release")
    experiment = experiment_make(actor, team)
    versions = [version_make(actor, team, model=model, experiment=experiment) for _ in range(2)]
    pickled = version_make(actor, team, model=model, experiment=experiment, files={"MLmodel": b"x", "m.pkl": b"y"})
    return actor, team, model, [*versions, pickled]


def test_each_page_keeps_within_its_queries(data, django_assert_max_num_queries):
    actor, _, model, versions = data
    client = browser(actor)
    client.get(reverse("model-list"))

    for path in (
        reverse("model-list"),
        reverse("model-detail", args=[model.pk]),
        reverse("version-detail", args=[versions[0].pk]),
        reverse("version-lineage", args=[versions[0].pk]),
        reverse("version-edit", args=[versions[0].pk]),
        reverse("model-edit", args=[model.pk]),
    ):
        with django_assert_max_num_queries(BUDGET):
            answer = client.get(path)
        assert answer.status_code == 200, path


def test_other_teams_find_nothing_and_strangers_sign_in(data):
    _, _, model, versions = data
    other = browser(scientist()[0])
    version = versions[0]

    for name, pk in (
        ("model-detail", model.pk),
        ("model-edit", model.pk),
        ("version-detail", version.pk),
        ("version-lineage", version.pk),
        ("version-edit", version.pk),
    ):
        assert other.get(reverse(name, args=[pk])).status_code == 404
        assert Client().get(reverse(name, args=[pk])).status_code == 302
    for name in ("version-archive", "version-quarantine", "version-alias"):
        assert other.post(reverse(name, args=[version.pk]), {"reason": "because"}).status_code == 404
    assert other.get(reverse("version-file", args=[version.pk, "MLmodel"])).status_code == 404
    assert "Release" not in text_of(other.get(reverse("model-list")))


def test_an_empty_team_is_told_how_a_model_comes_to_be():
    actor, team = scientist()
    model = model_make(actor, team)

    assert "No model yet" in text_of(browser(scientist()[0]).get(reverse("model-list")))
    assert "No version yet" in text_of(browser(actor).get(reverse("model-detail", args=[model.pk])))


def test_the_page_of_a_model_says_what_is_live_and_what_is_newest(data, monkeypatch):
    actor, _, model, versions = data
    monkeypatch.setattr(contracts, "_live_lookup", [lambda pks: {model.pk: versions[0].pk}])
    services.alias_set(actor=actor, model_id=model.pk, name="challenger", version_id=versions[1].pk)

    page = text_of(browser(actor).get(reverse("model-detail", args=[model.pk])))
    listed = text_of(browser(actor).get(reverse("model-list")))

    assert "answers now" in page
    assert "newest" in page
    assert "challenger" in page
    assert "version 1" in listed


def test_the_page_of_a_version_shows_files_signature_threshold_and_importance(data):
    actor, _, _, versions = data
    version = versions[0]

    page = text_of(browser(actor).get(reverse("version-detail", args=[version.pk])))

    for words in ("model.skops", "INT64", "Black, White", "0.750", "“age” matters most", "20.0 µs", "load_model"):
        assert words in page, words
    assert version.manifest[0]["sha256"] in page
    assert "Its lineage lacks the environment and the data." in page
    assert "It cannot be proposed." in page


def test_a_quarantined_version_says_why(data):
    actor, _, _, versions = data

    page = text_of(browser(actor).get(reverse("version-detail", args=[versions[2].pk])))

    assert "Quarantined." in page
    assert "m.pkl" in page
    assert ">Evaluate<" not in page


def test_the_threshold_is_explained_from_the_costs_and_a_change_of_costs_is_said():
    from apps.problems.tests.factories import people, problem_accepted

    team, actor, owner = people()
    problem, _ = problem_accepted(actor, owner, team)
    model = model_make(actor, team, problem_id=problem.pk, name="Release")
    same = version_make(actor, team, model=model, threshold=0.75)
    old = version_make(actor, team, model=model, threshold=0.6)
    client = browser(actor)

    explained = text_of(client.get(reverse("version-detail", args=[same.pk])))
    changed = text_of(client.get(reverse("version-detail", args=[old.pk])))

    assert "both errors cost the same" in explained
    assert re.search(r"C\$ 1\s200 / \(C\$ 1\s200 \+ C\$ 400\) = ", explained)
    assert "those of today would give" in changed


def test_rooms_above_add_cards_badges_and_verdicts(data, monkeypatch):
    actor, _, model, versions = data
    for name in ("_panels", "_badges", "_verdicts"):
        monkeypatch.setattr(contracts, name, [])
    contracts.version_panel_register("registry/_lineage.html", lambda a, v: {"lineage": None}, place="aside")
    contracts.version_panel_register("registry/_never.html", lambda a, v: None)
    contracts.version_badges_register(lambda a, rows: {v.pk: [VersionBadge("APPROVED", "", "/reviews/")] for v in rows})
    contracts.version_verdict_register(lambda a, v: VersionVerdict("bad", "One gate fails.", "Recall is too low."))

    page = text_of(browser(actor).get(reverse("version-detail", args=[versions[0].pk])))
    table = text_of(browser(actor).get(reverse("model-detail", args=[model.pk])))

    assert "One gate fails." in page
    assert "Nothing is recorded that it came from" in page
    assert "approved" in page
    assert 'href="/reviews/"' in table


def test_a_description_is_saved_and_a_stale_form_shows_both(data):
    actor, _, _, versions = data
    version, client = versions[0], browser(actor)
    path = reverse("version-edit", args=[version.pk])

    saved = client.post(path, {"description": "for adults only", "row_version": version.row_version})
    stale = client.post(path, {"description": "mine", "row_version": version.row_version})

    assert saved.status_code == 302
    assert stale.status_code == 409
    assert "for adults only" in text_of(stale)
    assert "mine</textarea>" in text_of(stale)
    assert ModelVersion.objects.get(pk=version.pk).description == "for adults only"


def test_archive_quarantine_and_alias_work_from_the_page(data):
    actor, _, model, versions = data
    version, client = versions[0], browser(actor)

    def state() -> str:
        return ModelVersion.objects.get(pk=version.pk).state

    client.post(reverse("version-archive", args=[version.pk]))
    archived = state()
    client.post(reverse("version-archive", args=[version.pk]))
    client.post(reverse("version-alias", args=[version.pk]), {"alias": "challenger"})
    refused = client.post(reverse("version-alias", args=[version.pk]), {"alias": "live"}, follow=True)
    client.post(reverse("version-alias", args=[version.pk]), {"alias": "challenger", "remove": "1"})
    client.post(reverse("version-quarantine", args=[version.pk]), {"reason": ""})
    sealed = state()
    client.post(reverse("version-quarantine", args=[version.pk]), {"reason": "A foreign type."})

    assert (archived, sealed, state()) == ("ARCHIVED", "SEALED", "QUARANTINED")
    assert "follows from an approval" in text_of(refused)
    client.post(reverse("model-archive", args=[model.pk]))
    assert "Release" in text_of(client.get(reverse("model-list") + "?archived=1"))


def test_a_viewer_sees_no_action_and_may_do_none(data):
    _, team, _, versions = data
    viewer = browser(actor_make(Role.VIEWER, team))

    page = text_of(viewer.get(reverse("version-detail", args=[versions[0].pk])))

    assert "Quarantine this version" not in page
    assert "Edit description" not in page
    for name in ("version-archive", "version-quarantine", "version-alias"):
        assert viewer.post(reverse(name, args=[versions[0].pk]), {"reason": "x", "alias": "a"}).status_code == 403


def test_a_model_that_a_client_began_is_attached_to_a_problem_once():
    from apps.problems.tests.factories import people, problem_accepted

    team, actor, owner = people()
    problem, _ = problem_accepted(actor, owner, team)
    other, _ = problem_accepted(actor, owner, team)
    model = model_make(actor, team)
    client = browser(actor)
    address, attach = reverse("model-detail", args=[model.pk]), reverse("model-attach", args=[model.pk])

    before = text_of(client.get(address))
    unclear = text_of(client.post(attach, {"problem": "x"}, follow=True))
    attached = text_of(client.post(attach, {"problem": str(problem.pk)}, follow=True))
    refused = text_of(client.post(attach, {"problem": str(other.pk)}, follow=True))
    stranger = browser(scientist()[0]).post(attach, {"problem": str(problem.pk)})

    assert "It serves no problem yet." in before
    assert f'<option value="{problem.pk}">' in before
    assert "Choose a problem." in unclear
    assert "It serves no problem yet." not in attached
    assert "belongs to another problem" in refused
    assert stranger.status_code == 404
    model.refresh_from_db()
    assert model.problem_id == problem.pk


def test_a_version_without_a_run_has_a_page():
    actor, team = scientist()
    experiment, model = experiment_make(actor, team), model_make(actor, team)
    logged = logged_beside(actor, experiment)

    version = services.logged_model_register(actor=actor, model_id=model.pk, logged_model_id=logged.pk)
    page = text_of(browser(actor).get(reverse("version-detail", args=[version.pk])))

    assert "It cannot be evaluated." in page
    assert '<dt>Run</dt><dd class="fw-3">none</dd>' in page


def test_files_come_as_attachments_and_only_those_of_the_manifest(data):
    actor, _, _, versions = data
    client = browser(actor)

    answer = client.get(reverse("version-file", args=[versions[2].pk, "m.pkl"]))

    assert b"".join(answer.streaming_content) == b"y"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    for path in ("none.txt", "../m.pkl", "m.pkl/"):
        assert client.get(f"/models/versions/{versions[2].pk}/files/{path}").status_code == 404


def test_models_and_versions_are_found_by_name_number_and_id(data):
    from apps.registry.registrations import search_models

    actor, _, model, versions = data
    stranger, _ = scientist()

    def labels(text: str) -> set[str]:
        return {hit.label for hit in search_models(actor, text, 5)}

    assert "Release" in labels("rele")
    assert str(versions[1]) in labels("release 2")
    assert str(versions[1]) in labels("Release version 2")
    assert str(versions[0]) in labels(versions[0].pk.hex)
    assert "Release" in labels(str(model.pk))
    assert list(search_models(stranger, "release", 5)) == []


def test_a_run_of_a_client_is_registered_by_a_form_that_asks_for_what_the_files_do_not_say():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    artifact_make(actor, run, "model/model.skops", skops("by hand"))
    client, address = browser(actor), reverse("run-register", args=[run.pk])
    fields = {"folder": "folder:model", "model": "Brought along"}

    menu = text_of(client.get(reverse("run-detail", args=[run.pk])))
    asked = client.post(address, fields)
    wrong = client.post(address, fields | {"columns": "age INT64\nweight in kg"})
    twice = client.post(address, fields | {"columns": "age INT64\nage FP64"})
    nothing_yet = Model.objects.exists()
    done = client.post(address, fields | {"columns": "age INT64\nshirt size BYTES optional\n", "classes": "No\nYes"})

    assert address in menu
    assert (asked.status_code, wrong.status_code, twice.status_code) == (422, 422, 422)
    assert "which columns the model reads" in text_of(asked)
    assert "Line 2 is not a name" in text_of(wrong)
    assert "named twice" in text_of(twice)
    assert not nothing_yet
    version = ModelVersion.objects.get()
    assert done.headers["Location"] == reverse("version-detail", args=[version.pk])
    assert [(one["name"], one["datatype"], one["required"]) for one in version.signature["inputs"]] == [
        ("age", "INT64", True),
        ("shirt size", "BYTES", False),
    ]
    assert (version.model.name, version.trained_by_id) == ("Brought along", actor.id)


def test_a_version_without_columns_says_so_and_becomes_another_one_with_them():
    actor, team = scientist()
    version = version_make(actor, team, signature={})
    client, address = browser(actor), reverse("version-signature", args=[version.pk])

    page = text_of(client.get(reverse("version-detail", args=[version.pk])))
    client.post(address, {"columns": "age INT64"})
    client.post(address, {"columns": "age INT64"})

    assert "It cannot be evaluated." in page
    assert address in page
    assert ">Evaluate<" not in page
    version.refresh_from_db()
    assert version.signature == {}
    second = ModelVersion.objects.exclude(pk=version.pk).get()
    assert second.manifest == version.manifest
    assert second.signature["inputs"][0]["name"] == "age"


def test_registering_is_for_those_who_may_in_the_team():
    actor, team = scientist()
    run = run_make(actor, experiment_make(actor, team))
    version = version_make(actor, team, signature={})
    viewer, stranger = browser(actor_make(Role.VIEWER, team)), browser(scientist()[0])

    for name, pk in (("run-register", run.pk), ("version-signature", version.pk)):
        for method in ("get", "post"):
            assert getattr(viewer, method)(reverse(name, args=[pk])).status_code == 403
            assert getattr(stranger, method)(reverse(name, args=[pk])).status_code == 404
    assert reverse("run-register", args=[run.pk]) not in text_of(viewer.get(reverse("run-detail", args=[run.pk])))


def test_a_quarantined_version_tells_what_to_do_and_never_how_to_load_it(data):
    actor, _, _, versions = data

    page = text_of(browser(actor).get(reverse("version-detail", args=[versions[2].pk])))

    assert "Log the model again as one skops" in page
    assert "load_model" not in page
