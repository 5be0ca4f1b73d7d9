"""The ledger: what a run taught, who may say so, and asking it what helped."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make, team_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import selectors, services
from apps.experiments.models import Lesson
from apps.experiments.tests.factories import experiment_make, run_make, run_measured, scientist
from apps.experiments.tests.test_web import browser, text_of

pytestmark = pytest.mark.django_db
KEY = "validation_cost_per_100"


@pytest.fixture
def stage():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    return (
        actor,
        team,
        run_measured(actor, experiment, name="plain", cost=150),
        run_measured(actor, experiment, name="weighted", cost=120),
    )


def say(actor, run, **fields):
    told = {"effect": "HELPED", "text": "Weights by cost make fewer dear errors.", "metric": KEY} | fields
    return services.lesson_save(actor=actor, run_id=run.pk, **told)


def test_a_lesson_says_how_much_it_changed_and_is_replaced_by_the_next(stage):
    actor, _, plain, weighted = stage
    first = say(actor, weighted, against_id=plain.pk, segment="women")
    again = say(actor, weighted, against_id=plain.pk, segment="women")
    changed = say(actor, weighted, effect="UNCLEAR", row_version=1)

    assert selectors.lesson_difference(first) == -30
    assert again.row_version == 1
    assert (changed.pk, changed.row_version, changed.effect) == (first.pk, 2, "UNCLEAR")
    entries = AuditEvent.objects.filter(action="run.lesson").order_by("id")
    assert [entry.after["effect"] for entry in entries] == ["HELPED", "UNCLEAR"]
    with pytest.raises(Conflict):
        say(actor, weighted, text="Somebody else's words.", row_version=1)


def test_the_ledger_answers_what_helped(stage):
    actor, _, plain, weighted = stage
    say(actor, plain, effect="NO_EFFECT", metric="")
    say(actor, weighted, segment="women")
    client = browser(actor)

    helped = client.get(reverse("ledger"), {"effect": "HELPED", "metric": KEY, "segment": "women"})
    everything = client.get(reverse("ledger"))
    rows = client.get("/api/v1/lessons", {"effect": "HELPED", "metric": KEY}).json()["results"]

    assert [row.pk for row in helped.context["table"].rows] == [Lesson.objects.get(run=weighted).pk]
    assert helped.context["table"].count == 1
    assert everything.context["table"].count == 2
    assert [row["run_id"] for row in rows] == [str(weighted.pk)]


def test_what_cannot_be_said_is_refused_at_its_field(stage):
    actor, team, _, weighted = stage
    elsewhere = run_make(actor, experiment_make(actor, team, name="Another"))
    for fields, name in (
        ({"effect": "WONDERFUL"}, "effect"),
        ({"text": "  "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "x" * 2001}, "text"),
        ({"metric": "never_measured"}, "metric"),
        ({"against_id": weighted.pk}, "against_id"),
        ({"against_id": elsewhere.pk}, "against_id"),
    ):
        with pytest.raises(Invalid) as refusal:
            say(actor, weighted, **fields)
        assert name in refusal.value.fields
    assert not Lesson.objects.exists()


def test_only_who_writes_runs_says_what_they_taught(stage):
    actor, team, plain, weighted = stage
    say(actor, weighted)
    viewer, stranger = actor_make(Role.VIEWER, team), actor_make(Role.DATA_SCIENTIST, team_make("Elsewhere"))

    with pytest.raises(Forbidden):
        say(viewer, plain)
    with pytest.raises(NotFound):
        say(stranger, plain)
    with pytest.raises(Forbidden):
        services.lesson_remove(actor=viewer, run_id=weighted.pk)
    assert browser(viewer).get(reverse("run-lesson", args=[plain.pk])).status_code == 403
    assert "Weights by cost" in text_of(browser(viewer).get(reverse("run-detail", args=[weighted.pk])))
    assert browser(stranger).get("/api/v1/lessons").json()["results"] == []
    assert browser(stranger).get(f"/api/v1/runs/{weighted.pk}/lesson").status_code == 404


def test_the_form_keeps_what_was_typed_and_saves_it(stage):
    actor, _, plain, weighted = stage
    client, url = browser(actor), reverse("run-lesson", args=[weighted.pk])

    refused = client.post(url, {"effect": "HELPED", "text": "", "metric": KEY})
    saved = client.post(
        url,
        {"effect": "HELPED", "text": "It <b>helps</b>.", "metric": KEY, "against_id": str(plain.pk), "row_version": 0},
    )
    page = text_of(client.get(reverse("run-detail", args=[weighted.pk])))
    edited = client.get(url)

    assert refused.status_code == 422
    assert refused.context["form"]["metric"].value() == KEY
    assert saved.status_code == 302
    assert "It &lt;b&gt;helps&lt;/b&gt;." in page
    assert edited.context["form"]["against_id"].value() == plain.pk
    assert client.post(reverse("run-lesson-remove", args=[weighted.pk])).status_code == 302
    assert client.post(reverse("run-lesson-remove", args=[weighted.pk])).status_code == 404
    assert not Lesson.objects.exists()


def test_by_api_too(stage):
    actor, _, plain, weighted = stage
    client, url = browser(actor), f"/api/v1/runs/{weighted.pk}/lesson"
    body = {"effect": "HELPED", "text": "It helps.", "metric": KEY, "against_id": str(plain.pk)}

    assert client.get(url).status_code == 404
    saved = client.put(url, body, content_type="application/json")
    assert (saved.status_code, saved.json()["difference"]) == (200, -30.0)
    assert client.put(url, {**body, "text": ""}, content_type="application/json").status_code == 400
    assert client.get(url).json() == saved.json()
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404
