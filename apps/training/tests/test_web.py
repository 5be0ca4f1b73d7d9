from __future__ import annotations

import re

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.experiments import services as experiments
from apps.experiments.tests.factories import points, scientist
from apps.jobs.tests.factories import claim_make
from apps.problems.tests.factories import problem_draft
from apps.training.models import Launch
from apps.training.tests.factories import Ground, ground_make, job_end_well, launch_make
from apps.training.web import forms

pytestmark = pytest.mark.django_db
BUDGET = 15
LAUNCH = "/training/launch/"


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


def form_of(ground: Ground, **changes: str) -> dict[str, str]:
    """What a browser sends for logistic regression as it is first drawn."""
    sent = {
        "dataset_version": str(ground.version.pk),
        "problem": str(ground.problem.pk),
        "recipe": "logistic_regression",
        "p.C": "1",
        "p.class_weight": "none",
        "p.max_iter": "500",
        "p.min_frequency": "10",
        "seed": "0",
        "name": "",
    }
    return {**sent, **changes}


def test_every_page_of_the_way_keeps_within_its_queries(django_assert_max_num_queries):
    ground = ground_make()
    launch = launch_make(ground)
    job_end_well(launch)
    launch.refresh_from_db()
    running = launch_make(ground)
    claim_make(running.job)
    client = browser(ground.scientist)
    client.get("/experiments/")

    for path in (
        f"{LAUNCH}?dataset_version={ground.version.pk}",
        f"{LAUNCH}?clone={launch.run_id}",
        reverse("experiment-detail", args=[launch.experiment_id]),
        reverse("run-detail", args=[launch.run_id]),
        reverse("run-detail", args=[running.run_id]),
        reverse("model-detail", args=[launch.model_id]),
        reverse("version-detail", args=[launch.model_version_id]),
        reverse("job-detail", args=[running.job_id]),
    ):
        with django_assert_max_num_queries(BUDGET):
            answer = client.get(path)
        assert answer.status_code == 200, path


def test_the_form_is_the_schema_of_the_recipe():
    ground = ground_make()

    page = text_of(browser(ground.scientist).get(f"{LAUNCH}?dataset_version={ground.version.pk}&recipe=random_forest"))

    for words in ("Trees", "Depth", "Rows a leaf", "levels", "0 means without bound", "10 to 2 000", "Class weights"):
        assert words in page, words
    assert 'name="p.n_estimators" value="200"' in page
    assert "Ridge regression" not in page
    assert "Release" in page
    assert "0.750" in page


def test_without_scripts_the_fields_of_another_recipe_are_asked_for_without_launching_and_by_no_address():
    ground = ground_make()
    client = browser(ground.scientist)
    sent = form_of(ground, recipe="random_forest") | {"show": "parameters", "drawn": "logistic_regression"}

    first = text_of(client.get(f"{LAUNCH}?dataset_version={ground.version.pk}"))
    shown = client.post(LAUNCH, sent)

    assert shown.status_code == 200
    assert 'name="p.n_estimators"' in text_of(shown)
    assert 'value="random_forest" checked' in text_of(shown)
    assert not Launch.objects.exists()
    assert 'formmethod="get"' not in first


def test_a_sent_form_launches_and_goes_to_the_job():
    ground = ground_make()

    answer = browser(ground.scientist).post(LAUNCH, form_of(ground, **{"p.C": "0,5", "seed": "4", "name": "half"}))

    launch = Launch.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("job-detail", args=[launch.job_id])
    assert (launch.params["C"], launch.seed, launch.run.name) == (0.5, 4, "half")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"p.C": "0"}, "more than 0"),
        ({"p.C": "much"}, "Give a number"),
        ({"p.C": ""}, "required"),
        ({"p.max_iter": "2.5"}, "Give a whole number"),
        ({"p.max_iter": "1e400"}, "Give a whole number"),
        ({"p.class_weight": "heavy"}, "Select a valid choice"),
        ({"seed": "-1"}, "A whole number from 0"),
        ({"seed": "many"}, "A whole number from 0"),
        ({"recipe": "magic"}, "Select a valid choice"),
    ],
)
def test_a_bad_field_is_told_at_the_field_and_the_rest_is_kept(changes: dict[str, str], words: str):
    ground = ground_make()

    answer = browser(ground.scientist).post(LAUNCH, form_of(ground, name="kept name", **changes))

    page = text_of(answer)
    assert answer.status_code == 422
    assert words in page
    assert "kept name" in page
    assert "to correct" in page
    assert not Launch.objects.exists()


def test_a_share_typed_as_percent_is_understood_as_a_slip():
    ground = ground_make()
    sent = form_of(ground, recipe="hist_gradient_boosting", **{"p.learning_rate": "2", "p.max_features": "80"})

    page = text_of(browser(ground.scientist).post(LAUNCH, sent))

    assert "Did you mean 0.02?" in page
    assert "Did you mean 0.8?" in page
    assert re.search(r'name="p.learning_rate" value="2"[^>]*aria-invalid="true"', page)


def test_an_unavailable_recipe_says_why_and_cannot_be_chosen(monkeypatch):
    from apps.training import selectors
    from apps.training.services import launching

    ground = ground_make()
    reason = "LightGBM needs the system library libgomp.so.1, which is not on this machine."
    for module in (selectors, launching):
        monkeypatch.setattr(module, "recipe_available", lambda recipe: reason if recipe == "lightgbm" else None)
    client = browser(ground.scientist)

    page = text_of(client.get(f"{LAUNCH}?dataset_version={ground.version.pk}"))
    sent = client.post(LAUNCH, form_of(ground, recipe="lightgbm"))

    assert f"Cannot start here: {reason}" in page
    assert re.search(r'value="lightgbm"[^>]*disabled', page)
    assert sent.status_code == 422
    assert not Launch.objects.exists()


def test_a_clone_does_not_take_along_a_name_that_only_said_the_recipe():
    ground = ground_make()
    launch = launch_make(ground, recipe="logistic_regression")

    page = text_of(browser(ground.scientist).get(f"{LAUNCH}?clone={launch.run_id}&recipe=random_forest"))

    assert re.search(r'<input[^>]*name="name"', page)
    assert not re.search(r'name="name"[^>]*value="[^"]', page)


def test_a_clone_is_filled_with_what_the_run_had():
    ground = ground_make()
    launch = launch_make(
        ground, recipe="hist_gradient_boosting", params={"max_iter": 77, "early_stopping": False}, seed=5, name="base"
    )
    client = browser(ground.scientist)

    page = text_of(client.get(f"{LAUNCH}?clone={launch.run_id}"))
    run_page = text_of(client.get(reverse("run-detail", args=[launch.run_id])))

    assert 'name="p.max_iter" value="77"' in page
    assert re.search(r'name="p.early_stopping"(?![^>]*checked)', page)
    assert 'name="seed" value="5"' in page
    assert "Cloned from" in page
    assert 'name="name" value="base"' in page
    assert f"{LAUNCH}?clone={launch.run_id}" in run_page
    assert browser(ground_make().scientist).get(f"{LAUNCH}?clone={launch.run_id}").status_code == 404


def test_a_switch_that_was_turned_off_stays_off_when_the_form_is_drawn_again():
    off = forms.initial_of("hist_gradient_boosting", {"drawn": "hist_gradient_boosting"}, {})
    on = forms.initial_of("hist_gradient_boosting", {"drawn": "random_forest"}, {})

    assert off["p.early_stopping"] is False
    assert on["p.early_stopping"] is True


def test_a_recipe_that_was_sent_before_its_params_were_drawn_takes_its_defaults():
    sent = QueryDict("recipe=logistic_regression&drawn=hist_gradient_boosting&p.max_iter=200&p.class_weight=balanced")
    whole = forms.sent_of("logistic_regression", sent)
    same = QueryDict("recipe=logistic_regression&drawn=logistic_regression&p.max_iter=200")

    assert whole["p.max_iter"] == "500"
    assert whole["p.C"] == "1"
    assert whole["p.class_weight"] == "balanced"
    assert forms.sent_of("logistic_regression", same) is same


def test_the_same_launch_as_a_command():
    ground = ground_make()

    page = browser(ground.scientist).get(f"{LAUNCH}?dataset_version={ground.version.pk}").content.decode()

    assert "curl -sS -X POST http://testserver/api/v1/launches" in page
    assert f"&quot;dataset_version_id&quot;: &quot;{ground.version.pk}&quot;" in page
    assert "urllib.request.urlopen" in page


def test_what_stands_in_the_way_is_said_before_the_form_is_filled():
    ground = ground_make()
    draft, _ = problem_draft(ground.scientist, ground.team)
    empty, _ = scientist()
    client = browser(ground.scientist)

    assert "No problem has been accepted in this team" in text_of(browser(empty).get(LAUNCH))
    assert "is draft" in text_of(client.get(f"{LAUNCH}?problem={draft.pk}"))
    refused = client.post(LAUNCH, form_of(ground, problem=str(draft.pk)))
    assert refused.status_code in (409, 422)
    assert not Launch.objects.exists()


def test_who_may_not_launch_is_told_who_can():
    ground = ground_make()
    viewer = browser(actor_make(Role.VIEWER, ground.team))

    page = text_of(viewer.get(f"{LAUNCH}?dataset_version={ground.version.pk}"))

    assert "You may not launch training here" in page
    assert viewer.post(LAUNCH, form_of(ground)).status_code == 403
    assert Client().get(LAUNCH).status_code == 302
    assert browser(ground_make().scientist).get(f"{LAUNCH}?dataset_version={ground.version.pk}").status_code == 404


def test_the_panel_is_the_same_form_without_a_page():
    ground = ground_make()
    client = browser(ground.scientist)
    headers = {"HX-Request": "true", "HX-Target": "launch-panel"}

    panel = text_of(client.get(f"{LAUNCH}?dataset_version={ground.version.pk}", headers=headers))
    bad = client.post(LAUNCH, form_of(ground, **{"p.C": "0"}), headers=headers)
    good = client.post(LAUNCH, form_of(ground), headers=headers)

    assert "<html" not in panel
    assert 'id="launch-panel"' in panel
    assert bad.status_code == 422
    assert "<html" not in text_of(bad)
    assert good.status_code == 204
    assert good["HX-Redirect"] == reverse("job-detail", args=[Launch.objects.get().job_id])


def test_the_page_of_the_job_draws_the_curves_of_its_run_and_leads_to_the_version():
    ground = ground_make()
    launch, done = launch_make(ground), launch_make(ground)
    claim_make(launch.job)
    experiments.metrics_log(
        actor=ground.scientist, run_id=launch.run_id, points=points("validation_log_loss", [0.5, 0.45, 0.44])
    )
    job_end_well(done)
    done.refresh_from_db()
    client = browser(ground.scientist)

    running = text_of(client.get(reverse("job-detail", args=[launch.job_id])))
    ended = text_of(client.get(reverse("job-detail", args=[done.job_id])))

    assert f'data-topic="run.{launch.run_id}"' in running
    assert "Log loss, validation" in running
    assert str(ground.version) in running
    assert reverse("run-detail", args=[launch.run_id]) in running
    assert reverse("version-detail", args=[done.model_version_id]) in ended
    assert "is registered and sealed" in ended


def test_the_page_of_a_job_holds_its_time_against_what_was_forecast():
    ground = ground_make()
    first = launch_make(ground)
    job_end_well(first)
    second = launch_make(ground)
    claim_make(second.job)
    client = browser(ground.scientist)

    alone = text_of(client.get(reverse("job-detail", args=[first.job_id])))
    compared = text_of(client.get(reverse("job-detail", args=[second.job_id])))
    now = text_of(client.get(reverse("job-now", args=[second.job_id])))

    assert "unknown" in alone, "nothing had run before it"
    for page in (compared, now):
        assert "Against the forecast" in page
        assert "Median and range of the one earlier job like it, on data of a similar size" in page
        assert "So far" in page


def test_the_station_of_runs_counts_and_names_the_newest():
    from apps.experiments.registrations import station_runs

    ground = ground_make()
    before = station_runs(ground.scientist, ground.problem.pk)
    launch = launch_make(ground)
    during = station_runs(ground.scientist, ground.problem.pk)
    job_end_well(launch)
    after = station_runs(ground.scientist, ground.problem.pk)

    assert (before.wait, before.object_url) == ("no run yet", "")
    assert (during.state, during.tone, during.object_label) == ("1 running", "info", "1")
    assert (after.state, after.tone) == ("finished", "good")
    assert after.object_url == reverse("experiment-detail", args=[launch.experiment_id])


def test_audit_and_lineage_lead_to_the_pages():
    from apps.core.links import link_of

    ground = ground_make()
    launch = launch_make(ground)
    run = reverse("run-detail", args=[launch.run_id])

    assert link_of("training.launch", str(launch.pk)) == run
    assert link_of("experiments.run", str(launch.run_id)) == run
    assert link_of("registry.model", str(launch.model_id)) == reverse("model-detail", args=[launch.model_id])


def test_the_form_says_the_priority_and_asks_for_the_forecast():
    ground = ground_make()
    client = browser(ground.scientist)

    page = text_of(client.get(reverse("training-launch")))
    refused = client.post(reverse("training-launch"), form_of(ground, priority="high"))
    sent = client.post(reverse("training-launch"), form_of(ground, priority="low", restartable="on"))
    job = Launch.objects.get().job
    told = client.get(
        reverse("job-forecast"),
        {"team": str(job.team_id), "signature": job.signature, "priority": "low"},
        headers={"HX-Request": "true"},
    )

    assert reverse("job-forecast") in page
    assert "high" not in page.partition('name="priority"')[2].partition("</select>")[0], "that takes another right"
    assert refused.status_code == 422
    assert sent.status_code == 302
    assert (job.get_priority_display(), job.restartable, job.signature) == ("low", True, "recipe:logistic_regression")
    assert "<dt>Starts in</dt><dd>now" in told.content.decode()
