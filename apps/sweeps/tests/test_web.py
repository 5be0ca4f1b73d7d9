from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.code.tests.factories import bundle_make
from apps.core.actors import Actor
from apps.sweeps import services
from apps.sweeps.models import Sweep
from apps.sweeps.tests.factories import sweep_make, trial_done, trials_of
from apps.training.tests.factories import Ground, ground_make

pytestmark = pytest.mark.django_db


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.get(pk=actor.id))
    return client


def form_of(ground: Ground, **fields: Any) -> dict[str, Any]:
    return {
        "problem": str(ground.problem.pk),
        "dataset_version": str(ground.version.pk),
        "recipe": "hist_gradient_boosting",
        "method": "TPE",
        "max_trials": "6",
        "parallel": "2",
        "max_failures": "3",
        "seed": "0",
        "objectives": ["validation_roc_auc"],
        "v.max_iter": "50",
        "v.learning_rate": "0.05",
        "v.early_stopping": "true",
        "v.class_weight": "none",
        "s.learning_rate": "on",
        "l.learning_rate": "0.01",
        "h.learning_rate": "0,3",
        "g.learning_rate": "on",
        **fields,
    }


def test_the_form_begins_a_sweep_with_what_it_says():
    ground = ground_make()
    client = client_of(ground.scientist)
    shown = client.get("/sweeps/launch/", {"problem": ground.problem.pk, "recipe": "hist_gradient_boosting"})
    assert shown.status_code == 200
    assert 'name="l.learning_rate"' in shown.content.decode()

    answer = client.post("/sweeps/launch/", form_of(ground))

    sweep = Sweep.objects.get()
    assert answer.headers["Location"] == f"/sweeps/{sweep.pk}/"
    assert sweep.space == {"learning_rate": {"type": "float", "low": 0.01, "high": 0.3, "log": True, "points": 5}}
    assert (sweep.params["max_iter"], sweep.max_trials, sweep.method) == (50, 6, "TPE")
    # The limit is the problem's.
    assert sweep.objectives == [
        {"name": "ROC AUC", "metric": "validation_roc_auc", "direction": "MAXIMISE", "limit": 0.65}
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"l.learning_rate": "lots"}, "Give both ends of the range as numbers."),
        ({"l.learning_rate": "0.4"}, "The lower end has to be below the upper one."),
        ({"v.max_iter": "0"}, "max_iter"),
        ({"s.learning_rate": ""}, "Choose at least one parameter to search over."),
        ({"cost_limit": "5"}, "has no price"),
        ({"max_trials": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_said_in_the_form(fields, told):
    ground = ground_make()

    answer = client_of(ground.scientist).post("/sweeps/launch/", form_of(ground, **fields))

    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not Sweep.objects.exists()


def test_the_page_says_the_best_first_and_gives_the_trials_as_a_file():
    ground = ground_make()
    sweep = sweep_make(ground, max_trials=2)
    client = client_of(ground.scientist)
    assert "No trial is done yet." in client.get(f"/sweeps/{sweep.pk}/").content.decode()
    services.sweep_drive(sweep.pk)
    services.sweep_drive(sweep.pk)
    for trial, value in zip(trials_of(sweep), (0.7, 0.75), strict=True):
        trial_done(trial, validation_roc_auc=value)
    services.sweep_drive(sweep.pk)

    page = client.get(f"/sweeps/{sweep.pk}/").content.decode()
    file = client.get(f"/sweeps/{sweep.pk}/", {"format": "csv"})

    assert "Best of all: validation_roc_auc 0.750, trial 2." in page
    assert "0.050 better than trial 1, the first that was done." in page
    assert "All 2 trials were made." in page
    assert "Trial 1 of" in client.get(f"/jobs/{trials_of(sweep)[0].job_id}/").content.decode()
    assert "Register its model" in page
    assert client.get(f"/sweeps/{sweep.pk}/", {"sort": "-v0"}).status_code == 200
    assert b"0.75" in b"".join(file.streaming_content) if file.streaming else b"0.75" in file.content
    assert client.get("/sweeps/").status_code == 200
    assert sweep.name in client.get("/sweeps/").content.decode()
    assert client.get("/sweeps/launch/", {"clone": sweep.pk}).status_code == 200


def test_a_stranger_gets_no_page_and_who_only_looks_no_button():
    ground, other = ground_make(), ground_make()
    sweep = sweep_make(ground)

    assert client_of(other.scientist).get(f"/sweeps/{sweep.pk}/").status_code == 404
    page = client_of(ground.owner).get(f"/sweeps/{sweep.pk}/").content.decode()
    assert "Cancel sweep" not in page
    assert "You may not begin a sweep here" in client_of(ground.owner).get("/sweeps/launch/").content.decode()
    assert client_of(ground.owner).post(f"/sweeps/{sweep.pk}/cancel/").status_code == 403


def test_the_api_begins_shows_and_cancels():
    ground = ground_make()
    client = client_of(ground.scientist)
    body = {
        "recipe": "hist_gradient_boosting",
        "dataset_version_id": str(ground.version.pk),
        "problem_id": str(ground.problem.pk),
        "space": {"learning_rate": {"low": 0.01, "high": 0.2}},
        "idempotency_key": "once",
    }

    made = client.post("/api/v1/sweeps", body, content_type="application/json")
    again = client.post("/api/v1/sweeps", body, content_type="application/json")
    wrong = client.post("/api/v1/sweeps", {**body, "space": {"learning_rate": {"low": 5}}}, "application/json")

    pk = made.json()["id"]
    assert (made.status_code, again.json()["id"]) == (201, pk)
    assert wrong.status_code == 400
    assert "space.learning_rate" in str(wrong.json())
    assert client.get(f"/api/v1/sweeps/{pk}").json()["best"] is None
    services.sweep_drive(Sweep.objects.get().pk)
    assert client.get(f"/api/v1/sweeps/{pk}/trials").json()["results"][0]["number"] == 1
    assert client.get("/api/v1/sweeps").json()["results"][0]["trial_count"] == 1
    cancelled = client.post(f"/api/v1/sweeps/{pk}/cancel", {"reason": "enough"}, content_type="application/json")
    assert cancelled.status_code == 200


def test_code_is_searched_by_its_own_form_and_cloned_with_its_limits():
    ground = ground_make()
    client = client_of(ground.scientist)
    bundle = bundle_make(
        ground.scientist, ground.team, "def train(rate: float = 0.1, width: int = 8):\n    print(rate)\n"
    )
    assert "Search its parameters" in client.get(f"/code/{bundle.pk}/").content.decode()
    assert client.get("/sweeps/launch/", {"bundle": bundle.pk}).status_code == 200
    sent = {
        **{"bundle": str(bundle.pk), "entry": "train.py:train", "method": "GRID", "max_trials": "9", "parallel": "2"},
        **{"max_failures": "3", "seed": "0", "metric_1": "loss", "direction_1": "MINIMISE", "limit_1": "0.5"},
        **{"direction_2": "MINIMISE", "v.rate": "0.1", "v.width": "8", "grid_points": "3"},
        **{"s.width": "on", "l.width": "2", "h.width": "4"},
    }

    answer = client.post("/sweeps/launch/", sent)

    sweep = Sweep.objects.get()
    assert answer.status_code == 302
    assert sweep.space == {"width": {"type": "int", "low": 2, "high": 4, "log": False, "points": 3}}
    assert sweep.objectives == [{"name": "loss", "metric": "loss", "direction": "MINIMISE", "limit": 0.5}]
    clone = client.get("/sweeps/launch/", {"clone": sweep.pk}).content.decode()
    assert 'name="limit_1" value="0.5"' in clone
    assert client.get("/sweeps/launch/", {"bundle": bundle.pk, "entry": "gone"}).status_code == 404
