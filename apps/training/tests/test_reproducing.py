"""A run done again: the same job once more, a comparison to the last bit, and nothing registered."""

from __future__ import annotations

import math

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import services as experiments
from apps.experiments.models import Run
from apps.experiments.tests.factories import points, run_actor, scientist
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.registry.models import ModelVersion
from apps.training import services
from apps.training.models import Launch, Reproduction
from apps.training.sameness import sameness_find
from apps.training.tests.factories import ground_make, job_end_well, launch_make
from workers.inspection.tests.skops_files import skops

pytestmark = pytest.mark.django_db
LOSS = [0.9, 0.5, 0.4]
FILES = {"MLmodel": b"flavors: {}", "model.skops": skops("one")}


def measure(launch: Launch, values: list[float]) -> None:
    run = Run.objects.get(pk=launch.run_id)
    experiments.metrics_log(actor=run_actor(run), run_id=run.pk, points=points("validation_log_loss", values))


def trained(ground=None) -> Launch:
    launch = launch_make(ground or ground_make(), seed=7)
    measure(launch, LOSS)
    job_end_well(launch, files=FILES)
    return Launch.objects.get(pk=launch.pk)


def again(ground, launch: Launch, values: list[float], **fields) -> Reproduction:
    found = services.run_reproduce(actor=ground.scientist, run_id=launch.run_id, **fields)
    measure(found.launch, values)
    job_end_well(found.launch, files=FILES)
    return Reproduction.objects.get(pk=found.pk)


def test_the_same_job_runs_once_more_and_the_same_numbers_are_identical():
    ground = ground_make()
    first = trained(ground)

    found = again(ground, first, LOSS)

    old, new = Job.objects.get(pk=first.job_id), Job.objects.get(pk=found.launch.job_id)
    assert (new.spec, new.files, new.kind) == (old.spec, old.files, "train")
    assert (found.launch.recipe, found.launch.params, found.launch.seed) == (first.recipe, first.params, 7)
    assert found.verdict == "IDENTICAL"
    assert found.found["points"] == 3
    assert found.found["largest"] is None
    assert found.found["changed"] == {}
    assert ModelVersion.objects.count() == 1
    assert [one.action for one in AuditEvent.objects.filter(object_id=str(first.run_id)).order_by("id")][-2:] == [
        "run.reproduce",
        "run.reproduced",
    ]


def test_what_lies_within_the_tolerance_is_the_same_and_the_first_beyond_it_is_named():
    ground = ground_make()
    first = trained(ground)

    near = again(ground, first, [0.9, 0.5, 0.4 * (1 + 1e-9)])
    far = again(ground, first, [0.9, 0.501, 0.3])

    assert near.verdict == "WITHIN"
    assert near.found["first"] is None
    assert math.isclose(near.found["largest"]["relative"], 1e-9, rel_tol=1e-3)
    assert far.verdict == "DIFFERS"
    assert far.found["first"] == {
        "key": "validation_log_loss",
        "step": 1,
        "then": 0.5,
        "now": 0.501,
        "relative": pytest.approx(0.001 / 0.501),
    }
    assert far.found["largest"]["step"] == 2
    assert again(ground, first, [0.9, 0.501, 0.3], tolerance=0.5).verdict == "WITHIN"


def test_a_run_that_fails_this_time_says_why():
    ground = ground_make()
    first = trained(ground)
    found = services.run_reproduce(actor=ground.scientist, run_id=first.run_id)
    claim, _ = claim_make(Job.objects.get(pk=found.launch.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")

    jobs.job_finish(claim=claim, status=exited(3))

    found.refresh_from_db()
    assert found.verdict == "FAILED"
    assert found.found["cause"]


def test_only_who_trains_does_it_again_and_one_at_a_time():
    ground = ground_make()
    first = trained(ground)
    unfinished = launch_make(ground)
    stranger, _ = scientist()

    with pytest.raises(Forbidden):
        services.run_reproduce(actor=actor_make(Role.VIEWER, ground.team), run_id=first.run_id)
    with pytest.raises(NotFound):
        services.run_reproduce(actor=stranger, run_id=first.run_id)
    with pytest.raises(Conflict):
        services.run_reproduce(actor=ground.scientist, run_id=unfinished.run_id)
    for tolerance in (-0.1, 1, float("nan"), True):
        with pytest.raises(Invalid):
            services.run_reproduce(actor=ground.scientist, run_id=first.run_id, tolerance=tolerance)
    services.run_reproduce(actor=ground.scientist, run_id=first.run_id)
    with pytest.raises(Conflict):
        services.run_reproduce(actor=ground.scientist, run_id=first.run_id)
    assert Reproduction.objects.count() == 1


def test_the_page_of_both_runs_tells_the_verdict_and_the_button_leads_to_the_job():
    ground = ground_make()
    first = trained(ground)
    client = Client()
    client.force_login(User.objects.get(pk=ground.scientist.id))
    page = reverse("run-detail", args=[first.run_id])
    assert "Nobody has done it again" in client.get(page).content.decode()

    sent = client.post(reverse("run-reproduce", args=[first.run_id]), {"tolerance": "0,001"})
    found = Reproduction.objects.get()
    measure(found.launch, [0.9, 0.6, 0.4])
    job_end_well(found.launch)

    assert sent.url == reverse("job-detail", args=[found.launch.job_id])
    assert found.tolerance == 0.001
    told = "First apart in “validation_log_loss” at step 1: 0.500 then, 0.600 now."
    for run_id in (first.run_id, found.launch.run_id):
        assert told in client.get(reverse("run-detail", args=[run_id])).content.decode()


def test_what_is_typed_wrongly_is_said_and_nothing_runs():
    ground = ground_make()
    first = trained(ground)
    client = Client()
    client.force_login(User.objects.get(pk=ground.scientist.id))

    answer = client.post(reverse("run-reproduce", args=[first.run_id]), {"tolerance": "a lot"}, follow=True)

    assert "A share from 0 to less than 1." in answer.content.decode()
    assert not Reproduction.objects.exists()


def test_a_retry_reproduces_the_same_run():
    ground = ground_make()
    first = trained(ground)
    found = services.run_reproduce(actor=ground.scientist, run_id=first.run_id)
    claim, _ = claim_make(Job.objects.get(pk=found.launch.job_id))
    jobs.attempt_started(claim=claim, handle="/nowhere/attempt")
    jobs.job_finish(claim=claim, status=exited(3))

    new = jobs.job_retry(actor=ground.scientist, job_id=found.launch.job_id)

    second = Reproduction.objects.exclude(pk=found.pk).get()
    assert (second.original_id, second.launch.job_id, second.verdict) == (first.run_id, new.pk, "RUNNING")


@pytest.mark.parametrize(
    ("then", "now", "step"),
    [
        ({"a": [(0, 1.0), (1, 2.0)]}, {"a": [(0, 1.0)]}, 1),
        ({"a": [(0, 1.0)]}, {"a": [(0, 1.0)], "b": [(4, 1.0)]}, 4),
        ({"a": [(0, 1.0), (2, 2.0)]}, {"a": [(0, 1.0), (3, 2.0)]}, 2),
        ({"a": [(0, 1.0)]}, {"a": [(0, math.inf)]}, 0),
    ],
)
def test_a_measurement_that_is_missing_or_endless_is_apart(then, now, step):
    found = sameness_find(then, now, ({}, {}), tolerance=0.9)

    assert found.first.step == step
    assert not found.identical


def test_numbers_that_are_none_are_equal_and_files_of_the_run_alone_are_not_compared():
    history = {"a": [(0, math.nan), (1, math.inf)]}
    same = ({"m/model.skops": "1", "m/MLmodel": "2"}, {"m/model.skops": "1", "m/MLmodel": "3"})

    assert sameness_find(history, history, same, tolerance=0).identical
    assert not sameness_find(history, history, (same[0], {"m/model.skops": "9"}), tolerance=0).identical
