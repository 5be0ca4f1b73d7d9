"""What is done to many runs at once: tags, the archive, the removal of files."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Invalid
from apps.experiments import services
from apps.experiments.models import Run
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make, run_measured, scientist
from apps.experiments.tests.test_web import browser, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """A scientist with three finished runs, the last of which a version cites."""
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    runs = [run_measured(actor, experiment, name=f"try {n}") for n in range(3)]
    for run in runs:
        artifact_make(actor, run, "model.bin", b"12345")
    services.run_seal(run_id=runs[2].pk)
    return actor, team, experiment, runs


def chosen(runs: list[Run], **more: str) -> dict[str, object]:
    return {"selected": [str(run.pk) for run in runs], **more}


def test_selected_runs_are_archived_and_come_back_where_the_person_was(world):
    actor, _, experiment, runs = world
    client = browser(actor)
    back = reverse("experiment-detail", args=[experiment.pk]) + "?sort=begun"

    gone = client.post(reverse("runs-archive"), chosen(runs[:2], back=back))
    away = list(Run.objects.filter(deleted_at__isnull=False).values_list("name", flat=True))
    listed = text_of(client.get(reverse("experiment-detail", args=[experiment.pk]) + "?archived=1"))
    client.post(reverse("runs-restore"), chosen(runs[:2], back="//elsewhere.example"))

    assert gone["Location"] == back
    assert sorted(away) == ["try 0", "try 1"]
    assert reverse("runs-restore") in listed
    assert reverse("runs-archive") not in listed
    assert not Run.objects.filter(deleted_at__isnull=False).exists()
    assert AuditEvent.objects.filter(action="run.archive").count() == 2


def test_another_address_is_no_way_back(world):
    actor, _, experiment, runs = world

    for back in ("https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""):
        answer = browser(actor).post(reverse("runs-archive"), chosen(runs[:1], back=back))
        assert answer["Location"].startswith(reverse("experiment-detail", args=[experiment.pk]))


def test_one_tag_is_set_on_all_also_on_a_sealed_one_which_says_so(world):
    actor, _, _, runs = world
    client = browser(actor)

    page = text_of(client.get(reverse("runs-tag"), chosen(runs)))
    bad = client.post(reverse("runs-tag"), chosen(runs, key="", value="x"))
    client.post(reverse("runs-tag"), chosen(runs, key="stage", value="kept"))

    assert "of these is sealed" in page
    assert bad.status_code == 422
    assert [run.tags.get("stage") for run in Run.objects.all()] == ["kept"] * 3


def test_all_or_none_are_tagged(world):
    actor, _, _, runs = world
    services.run_archive(actor=actor, run_id=runs[2].pk)

    with pytest.raises(Invalid):
        services.runs_tag(actor=actor, run_ids=[run.pk for run in runs], tags={"stage": "kept"})

    assert not any("stage" in run.tags for run in Run.objects.all())


def test_files_go_after_a_look_and_those_of_a_sealed_run_stay(world):
    actor, _, _, runs = world
    client, path = browser(actor), reverse("runs-purge")

    look = text_of(client.get(path, chosen(runs)))
    without = client.post(path, chosen(runs, reason="", confirmation="2 runs"))
    wrong = client.post(path, chosen(runs, reason="full disk", confirmation="3 runs"))
    done = client.post(path, chosen(runs, reason="full disk", confirmation="2 runs"))

    assert "Delete the files of 2 runs?" in look
    assert "stay: sealed" in look
    assert (without.status_code, wrong.status_code, done.status_code) == (422, 422, 302)
    assert [run.purged_at is not None for run in Run.objects.order_by("id")] == [True, True, False]
    assert "None of these can go" in text_of(client.get(path, chosen(runs)))


def test_the_service_itself_keeps_what_something_rests_on(world):
    actor, _, experiment, runs = world
    going = run_make(actor, experiment, name="going on")

    for kept in (runs[2], going):
        with pytest.raises(Conflict):
            services.runs_purge(actor=actor, run_ids=[runs[0].pk, kept.pk], reason="x", confirm="2 runs")

    assert not Run.objects.filter(purged_at__isnull=False).exists()


@pytest.mark.parametrize("selected", [[], ["nonsense"], ["0" * 32] * 2])
def test_a_choice_that_makes_no_sense_is_refused(world, selected):
    actor, _, _, _ = world

    for name in ("runs-tag", "runs-purge"):
        assert browser(actor).get(reverse(name), {"selected": selected}).status_code in (400, 404)


def test_only_those_who_may_are_offered_it_and_let(world):
    actor, team, experiment, runs = world
    viewer, stranger = browser(actor_make(Role.VIEWER, team)), browser(scientist()[0])

    page = text_of(viewer.get(reverse("experiment-detail", args=[experiment.pk])))

    for name in ("runs-tag", "runs-archive", "runs-purge"):
        assert reverse(name) not in page
        assert viewer.post(reverse(name), chosen(runs, key="a", value="b")).status_code == 403
        assert stranger.post(reverse(name), chosen(runs, key="a")).status_code == 404
    assert reverse("runs-purge") in text_of(browser(actor).get(reverse("experiment-detail", args=[experiment.pk])))
