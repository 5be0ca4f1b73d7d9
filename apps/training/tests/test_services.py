from __future__ import annotations

import uuid

import pytest

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import dataset_make
from apps.datasets.tests.factories import version_make as upload_make
from apps.experiments import services as experiments
from apps.experiments.models import Metric, Run
from apps.experiments.tests.factories import points, run_actor
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.tests.factories import claim_make, exited
from apps.problems import services as problem_services
from apps.problems.tests.factories import OBJECTIVES, problem_accepted, problem_draft
from apps.registry.models import ModelVersion
from apps.training import policies, services
from apps.training.models import Launch
from apps.training.tests.factories import attempt_result, ground_make, job_end_well, launch_make
from workers.contracts.jobspec import JobState, JobStatus

pytestmark = pytest.mark.django_db


def test_a_launch_begins_a_run_and_queues_a_job_with_all_that_the_child_needs():
    ground = ground_make()

    launch = launch_make(ground, recipe="hist_gradient_boosting", params={"max_iter": 50}, seed=7, name="fifty")

    job, run = launch.job, Run.objects.get(pk=launch.run_id)
    assert (job.kind, job.state, job.run_id) == ("train", "QUEUED", run.pk)
    assert job.spec["params"]["max_iter"] == 50
    assert job.spec["params"]["learning_rate"] == 0.05
    assert job.spec["seed"] == 7
    assert (job.spec["task"], job.spec["target"], job.spec["positive_label"]) == ("BINARY", "released", "Yes")
    assert job.spec["costs"] == {"false_positive": 1200, "false_negative": 400}
    assert job.files == [
        {"sha256": job.spec["table"]["sha256"], "size": job.spec["table"]["size"], "name": "table.parquet"}
    ]
    assert (run.name, run.status, run.job_id, run.seed) == ("fifty", "RUNNING", job.pk, 7)
    assert run.params["max_iter"] == "50"
    assert run.code["version"]
    assert run.environment["python"]
    assert run.inputs.get().dataset_version_id == ground.version.pk
    assert DatasetVersion.objects.get(pk=ground.version.pk).cited_at is not None
    assert AuditEvent.objects.filter(action="training.launch", object_id=str(launch.pk)).count() == 1


def test_a_second_launch_goes_to_the_same_experiment_and_model():
    ground = ground_make()

    first, second = launch_make(ground), launch_make(ground, recipe="baseline")

    assert first.experiment_id == second.experiment_id
    assert first.model_id == second.model_id
    assert first.run_id != second.run_id


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"recipe": "magic"}, "recipe"),
        ({"recipe": "ridge"}, "recipe"),
        ({"params": {"C": 0}}, "params.C"),
        ({"params": {"C": "much"}}, "params.C"),
        ({"params": {"max_iter": 2.5}}, "params.max_iter"),
        ({"params": {"class_weight": "heavy"}}, "params.class_weight"),
        ({"params": {"depth": 3}}, "params"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": True}, "seed"),
        ({"name": "x" * 251}, "name"),
    ],
)
def test_input_that_breaks_a_rule_is_refused_where_it_is(fields: dict, where: str):
    ground = ground_make()

    with pytest.raises(Invalid) as refused:
        launch_make(ground, **fields)

    assert where in refused.value.fields
    assert not Launch.objects.exists()
    assert not Job.objects.filter(kind="train").exists()


def test_what_the_actor_may_not_see_or_do_is_refused():
    ground, other = ground_make(), ground_make()

    for changes, error in (
        ({"actor": other.scientist}, NotFound),
        ({"actor": ground.owner}, Forbidden),
        ({"actor": actor_make(Role.VIEWER, ground.team)}, Forbidden),
        ({"actor": actor_make(Role.OPERATOR, ground.team)}, Forbidden),
        ({"dataset_version_id": other.version.pk}, NotFound),
        ({"problem_id": other.problem.pk}, NotFound),
        ({"dataset_version_id": uuid.uuid4()}, NotFound),
    ):
        values = {
            "actor": ground.scientist,
            "dataset_version_id": ground.version.pk,
            "problem_id": ground.problem.pk,
            "recipe": "baseline",
            **changes,
        }
        with pytest.raises(error):
            services.training_launch(**values)
    assert not Launch.objects.exists()


def test_training_waits_for_an_accepted_problem_sealed_data_and_its_target():
    ground = ground_make()
    draft, _ = problem_draft(ground.scientist, ground.team)
    unsealed = upload_make(ground.scientist, dataset_make(ground.scientist, ground.team, ground.problem))
    loose, _ = problem_accepted(
        ground.scientist, ground.owner, ground.team, target="outcome", positive_label="Yes", objectives=OBJECTIVES[:2]
    )

    def refusal(**fields) -> str:
        values = {"dataset_version_id": ground.version.pk, "problem_id": ground.problem.pk, "recipe": "baseline"}
        with pytest.raises(Conflict) as refused:
            services.training_launch(actor=ground.scientist, **{**values, **fields})
        return refused.value.code

    assert refusal(problem_id=draft.pk) == "problem_not_accepted"
    assert refusal(dataset_version_id=unsealed.pk) == "not_sealed"
    assert refusal(problem_id=loose.pk) == "target_missing"
    problem_services.problem_close(actor=ground.owner, problem_id=ground.problem.pk, reason="Answered elsewhere.")
    assert refusal() == "problem_closed"
    assert not Launch.objects.exists()


def test_a_recipe_that_cannot_start_here_says_so_before_launch(monkeypatch):
    ground = ground_make()
    monkeypatch.setattr(services.launching, "recipe_available", lambda recipe: "The library libgomp is missing.")

    with pytest.raises(Invalid) as refused:
        launch_make(ground, recipe="lightgbm")

    assert refused.value.fields == {"recipe": ["The library libgomp is missing."]}


def test_a_job_that_ends_well_registers_a_sealed_version():
    ground = ground_make()
    launch = launch_make(ground)

    job = job_end_well(launch)

    launch.refresh_from_db()
    version = launch.model_version
    assert job.state == "SUCCEEDED", job.cause
    assert (version.state, version.number, version.run_id) == ("SEALED", 1, launch.run_id)
    assert version.trained_by_id == ground.scientist.id
    assert job.result == {
        "label": f"{version} is registered and sealed.",
        "url": f"/models/versions/{version.pk}/",
    }
    run = Run.objects.get(pk=launch.run_id)
    assert run.status == "FINISHED"
    assert run.sealed_at is not None


def test_the_same_result_again_is_the_same_version():
    ground = ground_make()
    launch = launch_make(ground)
    job = job_end_well(launch)
    first = ModelVersion.objects.get()

    again = services.training_finish(job, {"model": _facts(launch)}, {})

    assert again.pk == first.pk
    assert ModelVersion.objects.count() == 1


def _facts(launch: Launch) -> dict:
    from apps.experiments.models import LoggedModel
    from apps.registry.tests.factories import facts_of

    return facts_of(LoggedModel.objects.get(source_run_id=launch.run_id))


def test_a_pickle_ends_as_a_quarantined_version():
    launch = launch_make(ground_make())

    job = job_end_well(launch, files={"MLmodel": b"x", "model.pkl": b"y"})

    launch.refresh_from_db()
    assert job.state == "SUCCEEDED"
    assert launch.model_version.state == "QUARANTINED"
    assert "quarantined" in job.result["label"]


def test_the_same_bytes_twice_make_one_version():
    ground = ground_make()
    files = {"MLmodel": b"x", "model.skops": b"the same"}
    first, second = launch_make(ground), launch_make(ground)

    job_end_well(first, files=files)
    job = job_end_well(second, files=files)

    second.refresh_from_db()
    assert ModelVersion.objects.count() == 1
    assert second.model_version_id == ModelVersion.objects.get().pk
    assert "same bytes" in job.result["label"]


def test_a_job_without_a_model_fails_and_its_run_with_it():
    launch = launch_make(ground_make())
    claim, _ = claim_make(launch.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/a")
    experiments.run_finish(actor=run_actor(launch.run), run_id=launch.run_id, status="FINISHED")
    attempt_result(launch, {"other": 1})

    job = jobs.job_finish(claim=claim, status=exited(0))

    assert job.state == "FAILED"
    assert "without reporting a model" in job.cause
    assert Run.objects.get(pk=launch.run_id).status == "FAILED"
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize(("code", "status"), [(1, "FAILED"), (65, "FAILED")])
def test_a_failed_job_fails_its_run(code: int, status: str):
    launch = launch_make(ground_make())
    claim, _ = claim_make(launch.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/a")

    jobs.job_finish(claim=claim, status=exited(code))

    run = Run.objects.get(pk=launch.run_id)
    assert run.status == status
    assert run.ended_at is not None


def test_a_cancelled_job_kills_its_run():
    ground = ground_make()
    launch = launch_make(ground)

    jobs.job_cancel(actor=ground.scientist, job_id=launch.job_id, reason="wrong data")

    assert Run.objects.get(pk=launch.run_id).status == "KILLED"


def test_a_lost_attempt_goes_on_with_the_same_run():
    launch = launch_make(ground_make())
    claim, _ = claim_make(launch.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/a")
    child = run_actor(launch.run)
    experiments.metrics_log(actor=child, run_id=launch.run_id, points=points("train_log_loss", [0.5]))
    experiments.run_finish(actor=child, run_id=launch.run_id, status="FINISHED")

    job = jobs.job_finish(claim=claim, status=JobStatus(JobState.LOST, cause="The worker is gone."))

    run = Run.objects.get(pk=launch.run_id)
    assert job.state == "QUEUED"
    assert (run.status, run.ended_at) == ("RUNNING", None)
    assert Metric.objects.filter(run=run).count() == 1


def test_a_retry_has_a_run_and_a_launch_of_its_own():
    ground = ground_make()
    launch = launch_make(ground, params={"C": 0.5}, seed=3, name="half")
    claim, _ = claim_make(launch.job)
    jobs.attempt_started(claim=claim, handle="/nowhere/a")
    jobs.job_finish(claim=claim, status=exited(1))

    job = jobs.job_retry(actor=ground.scientist, job_id=launch.job_id)
    same = jobs.job_retry(actor=ground.scientist, job_id=launch.job_id)

    again = Launch.objects.get(job=job)
    assert same.pk == job.pk
    assert again.run_id == job.run_id != launch.run_id
    assert (again.params, again.seed, again.run.name) == (launch.params, 3, "half")
    assert (again.run.status, again.run.job_id) == ("RUNNING", job.pk)
    assert again.run.inputs.get().dataset_version_id == ground.version.pk
    assert job.subject_id == again.run_id
    assert Run.objects.get(pk=launch.run_id).status == "FAILED"
    ended = job_end_well(again)
    assert ended.state == "SUCCEEDED"
    assert AuditEvent.objects.filter(action="training.retry").count() == 1


def test_launches_of_one_recipe_are_forecast_from_one_another():
    ground = ground_make()
    first = launch_make(ground)
    job_end_well(first)

    second, other = launch_make(ground), launch_make(ground, recipe="hist_gradient_boosting")

    assert second.job.forecast["run"]["n"] == 1
    assert other.job.forecast["run"] is None


def test_who_may_launch():
    ground = ground_make()

    assert policies.training_launch(ground.scientist, ground.team.pk)
    assert not policies.training_launch(ground.owner, ground.team.pk)
    assert not policies.training_launch(ground_make().scientist, ground.team.pk)
