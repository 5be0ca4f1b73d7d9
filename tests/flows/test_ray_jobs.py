"""Jobs on a real Ray cluster: the same specification gives the same model there, and nothing is lost with a worker."""

from __future__ import annotations

from typing import Any

import pytest

import tests.flows.kinds  # noqa: F401 - registers the kind in this process too
from apps.compute.models import ComputeTarget
from apps.compute.services import target_check
from apps.compute.services.executors import secret_close
from apps.jobs.models import Job
from controlplane.stack.testing import LiveStack
from tests.flows.processes import wait_for
from tests.flows.stack import Api, key, people_make
from tests.flows.test_jobs_faults import COUNTING, check_told_once, ended, launch, lines_of
from tests.flows.test_stranger_api import data_uploaded, problem_accepted
from tests.ray_head import RayHead, ray_open

pytestmark = pytest.mark.slow
TEAM = "Heating far away"


@pytest.fixture(scope="module")
def people(live_stack: LiveStack) -> dict[str, Api]:
    return people_make(
        live_stack,
        {
            "far-scientist": ("DATA_SCIENTIST", TEAM),
            "far-owner": ("PRODUCT_OWNER", TEAM),
            "far-viewer": ("VIEWER", TEAM),
            "far-operator": ("OPERATOR", ""),
            "far-stranger": ("DATA_SCIENTIST", "Nobody near"),
        },
    )


@pytest.fixture(scope="module")
def ground(people: dict[str, Api]) -> tuple[str, str, str]:
    """The team with an accepted problem and data for it, once for all stories: (team, problem, dataset version)."""
    scientist, stranger = people["far-scientist"], people["far-stranger"]
    team = next(row["id"] for row in scientist.get("teams")["results"] if row["name"] == TEAM)
    problem = problem_accepted(team, scientist, people["far-owner"], people["far-viewer"], stranger)
    return team, problem, data_uploaded(team, problem, scientist, stranger)


def target_tested(operator: Api, head: RayHead, name: str) -> dict[str, Any]:
    """A Ray target of the live product whose test has passed."""
    body = {"name": name, "kind": "ray", "address": head.address, "secret": head.token, "slots": 2}
    target = operator.post("compute-targets", body, key=key())
    begun = operator.post(f"compute-targets/{target['id']}/test", status=202)

    def over() -> dict[str, Any] | None:
        test: dict[str, Any] = operator.get(f"compute-tests/{begun['id']}")
        return test if test["state"] != "RUNNING" else None

    test = wait_for(over, 90, "the end of the test")
    assert test["state"] == "PASSED", test
    assert {step["state"] for step in test["steps"]} == {"PASSED"}
    assert operator.get(f"compute-targets/{target['id']}")["state"] == "HEALTHY"
    return target


def test_one_specification_gives_the_same_model_here_and_on_ray(people, ground, ray_head):
    scientist, operator = people["far-scientist"], people["far-operator"]
    _, problem, version = ground
    target = target_tested(operator, ray_head, "ray-equal")
    body = {"dataset_version_id": version, "problem_id": problem, "recipe": "hist_gradient_boosting", "seed": 7}

    found = {}
    for where in (None, target["id"]):
        launch_ = scientist.post("launches", body | {"target_id": where}, key=key())
        job = scientist.ended(launch_["job_id"], 180)
        run = scientist.get(f"runs/{launch_['run_id']}")
        version_id = scientist.get(f"launches/{launch_['id']}")["model_version_id"]
        made = scientist.get(f"versions/{version_id}")
        found[where] = (job, run, made)
        log = scientist.get(f"jobs/{launch_['job_id']}/log")["lines"]
        assert log[0]["text"].endswith("attempt 1: started")
        assert log[-1]["text"].startswith("Done after ")

    (here, run_here, made_here), (there, run_there, made_there) = found.values()
    assert there["target_id"] == target["id"] != here["target_id"]
    assert there["attempt_number"] == here["attempt_number"] == 1
    assert measures(run_there) == measures(run_here) != {}
    for same in ("signature", "format", "task"):
        assert made_there[same] == made_here[same]
    assert made_there["complexity"]["parameters"] == made_here["complexity"]["parameters"]
    assert there["attempts"][0]["rss_peak_bytes"] > 0


def test_a_profile_and_an_evaluation_say_the_same_here_and_on_ray(people, ground, ray_head):
    scientist, operator = people["far-scientist"], people["far-operator"]
    team, problem, version = ground
    target = target_tested(operator, ray_head, "ray-judges")
    body = {"dataset_version_id": version, "problem_id": problem, "recipe": "logistic_regression", "seed": 3}
    launch_ = scientist.post("launches", body, key=key())
    scientist.ended(launch_["job_id"], 180)
    made = scientist.get(f"launches/{launch_['id']}")["model_version_id"]
    content = scientist.call("GET", f"dataset-versions/{version}/file").text.encode()

    found = []
    for where in (None, target["id"]):
        dataset = scientist.post("datasets", {"team_id": team, "name": f"Rows {where}"}, key=key())["id"]
        upload = scientist.post(f"datasets/{dataset}/uploads", {"filename": "rows.csv", "size": len(content)})["id"]
        scientist.call("PUT", f"uploads/{upload}/parts", data=content, offset=0).expect(200)
        told = scientist.call("POST", f"uploads/{upload}/complete", {"target_id": where}).expect(200)["version"]
        read = scientist.ended(told["job_id"], 120)
        asked = scientist.post("evaluations", {"model_version_id": made, "target_id": where}, key=key())
        judged = scientist.ended(asked["job_id"], 180)
        report = scientist.get(f"evaluations/{asked['id']}")["report"]
        profile = scientist.get(f"dataset-versions/{told['id']}/profile")
        assert {read["target_id"], judged["target_id"]} == ({target["id"]} if where else {read["target_id"]})
        found.append((profile, report))

    assert found[0] == found[1]
    assert found[0][1]["groups"]


CODE = b"""
import os, sys
from pathlib import Path


def train(data: Path, rate: float = 0.5, seed: int = 0) -> dict:
    rows = data.read_text().splitlines()
    print("read", len(rows), "lines with seed", os.environ["FAIRWAY_SEED"])
    Path("outputs").mkdir(exist_ok=True)
    Path("outputs/first.txt").write_text(rows[0])
    return {"rows": len(rows), "rate": rate, "seed": seed}
"""


def test_ones_own_code_does_the_same_here_and_on_ray(live_stack, people, ray_head):
    scientist, operator = people["far-scientist"], people["far-operator"]
    team = next(row["id"] for row in scientist.get("teams")["results"] if row["name"] == TEAM)
    target = target_tested(operator, ray_head, "ray-code")
    dataset = scientist.post("datasets", {"team_id": team, "name": "Far rows"}, key=key())["id"]
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n % 7) for n in range(300))
    upload = scientist.post(f"datasets/{dataset}/uploads", {"filename": "rows.csv", "size": len(data)})["id"]
    scientist.call("PUT", f"uploads/{upload}/parts", data=data, offset=0).expect(200)
    version = scientist.call("POST", f"uploads/{upload}/complete").expect(200)["version"]
    scientist.ended(version["job_id"])
    bundle = scientist.call("POST", "code-bundles", data=CODE, team_id=team, filename="train.py").expect(201)

    found = []
    for where in (None, target["id"]):
        body = {"bundle_id": bundle["id"], "entry": "train.py:train", "params": {"data": version["id"]}, "seed": 5}
        launch_ = scientist.post("code-launches", body | {"target_id": where}, key=key())
        job = scientist.ended(launch_["job_id"], 120)
        run = scientist.get(f"runs/{launch_['run_id']}")
        kept = {file["path"]: file["sha256"] for file in scientist.get(f"runs/{launch_['run_id']}/artifacts")}
        printed = [line["text"] for line in scientist.get(f"jobs/{job['id']}/log")["lines"]]
        assert "read 301 lines with seed 5" in printed
        found.append((measures(run), kept))

    assert found[0] == found[1]
    assert found[0][0] == {"rows": 301, "rate": 0.5, "seed": 5}
    assert any(path.endswith("first.txt") for path in found[0][1])


def measures(run: dict[str, Any]) -> dict[str, float]:
    """The last value of each measurement, seconds left out."""
    return {name: value[0] for name, value in run["metrics_latest"].items() if "second" not in name}


@pytest.fixture
def cluster(transactional_db: None, ray_head: RayHead) -> ComputeTarget:
    """The head as a target of the test's own database."""
    return ComputeTarget.objects.create(
        name="ray-flow", kind="ray", address=ray_head.address, secret=secret_close(ray_head.token), state="HEALTHY"
    )


def test_a_killed_worker_leaves_its_ray_job_to_the_next_one(processes, person, cluster):
    first = processes.worker()
    job = launch(person, COUNTING.format(count=200, pause=0.05), target_id=cluster.pk)
    wait_for(lambda: len(lines_of(job)) > 20, 60, "the first lines")

    processes.kill(first)
    processes.worker()

    ended(job, 90)
    assert (job.state, job.attempt_number) == (Job.State.SUCCEEDED, 1), job.cause
    assert lines_of(job) == [f"line {number}" for number in range(200)]
    check_told_once(job)


def test_a_ray_job_is_cancelled_and_says_so(processes, person, cluster):
    from apps.jobs import services

    processes.worker()
    job = launch(person, "import time\nprint('ready', flush=True)\ntime.sleep(600)", target_id=cluster.pk)
    wait_for(lambda: "ready" in lines_of(job), 60, "the first line")

    services.job_cancel(actor=person[0], job_id=job.pk, reason="Enough.")

    ended(job, 60)
    assert (job.state, job.cause) == (Job.State.CANCELLED, f"Cancelled by {person[0].label}: Enough.")
    check_told_once(job)


def test_a_killed_head_costs_an_attempt_with_its_cause_and_the_job_waits_for_the_target(processes, person, cluster):
    with ray_open() as mortal:
        ComputeTarget.objects.update(address=mortal.address, secret=secret_close(mortal.token))
        processes.worker()
        job = launch(person, COUNTING.format(count=5000, pause=0.1), target_id=cluster.pk)
        wait_for(lambda: len(lines_of(job)) > 5, 60, "the first lines")

        mortal.kill()

        for _ in range(2):
            target_check(cluster.pk)

        def given_back() -> bool:
            job.refresh_from_db()
            return job.state == Job.State.QUEUED

        wait_for(given_back, 120, "the job back in the queue")
        lost = job.attempts.get()
        cluster.refresh_from_db()
        assert (lost.state, cluster.state) == ("LOST", "DEGRADED")
        assert lost.cause.startswith("The Ray head has been away for 60 s")
        told = lines_of(job)
        assert told == [f"line {number}" for number in range(len(told))]
