"""The demo: the product's own services and real jobs on real data, from a question to a request in the inbox.

Each step looks first whether its result stands already, so the demo can be run again after any interruption.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.evaluations import selectors as evaluations
from apps.evaluations import services as evaluation_services
from apps.home.demo import facts
from apps.jobs import selectors as jobs
from apps.problems import selectors as problems
from apps.problems import services as problem_services
from apps.registry import selectors as registry
from apps.registry.contracts import live_version_id
from apps.reviews import selectors as reviews
from apps.reviews import services as review_services
from apps.training import services as training_services

Say = Callable[[float, str], None]
JOB_SECONDS = 180
LIVE_SECONDS = 60


class DemoStopped(Exception):
    """The demo cannot go on; the message says why and what to do."""


class Story:
    """One telling. `say(fraction, text)` is called before each step."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.scientist = self._actor("scientist")
        self.owner = self._actor("owner")
        team = accounts.team_list(self.scientist).first()
        if team is None:
            raise DemoStopped("The demo's team is missing: run `manage.py demo_accounts` first.")
        self.team = team

    def _actor(self, username: str) -> Actor:
        user = accounts.user_by_username(username)
        if user is None:
            raise DemoStopped(f"The account {username} is missing: run `manage.py demo_accounts` first.")
        return accounts.actor_of_user(user)

    def tell(self) -> None:
        """Do whatever of the story is not done yet. Raises DemoStopped."""
        self.say(0.02, "The product owner and the data scientist write down the question")
        problem = self._problem()
        self.say(0.06, "The data scientist uploads 5,226 arrests")
        version = self._data(problem)
        self.say(0.20, "A trivial baseline and a logistic regression are trained")
        baseline, logistic = self._train(
            problem,
            version,
            [("baseline", {}, "Release everyone"), ("logistic_regression", {}, "Logistic regression")],
        )
        self.say(0.45, "The logistic regression is evaluated by segment against the baseline")
        self._evaluate(logistic, baseline)
        self.say(0.60, "The product owner approves it; the gateway loads it")
        self._approve(problem, logistic)
        self.say(0.68, "A gradient boosting is tuned and trained")
        (candidate,) = self._train(
            problem, version, [("hist_gradient_boosting", facts.CANDIDATE, "Gradient boosting, tuned")]
        )
        self.say(0.82, "The candidate is evaluated on the same rows as the live version")
        self._evaluate(candidate, logistic)
        self.say(0.96, "The data scientist asks for approval")
        self._request(candidate)
        self.say(1.0, "Sign in as the owner: a decision waits in the inbox")

    def _problem(self) -> Any:
        found = problems.problem_list(self.scientist, team_id=self.team.pk).filter(name=facts.PROBLEM).first()
        if found is None:
            found = problem_services.problem_create(
                actor=self.scientist,
                team_id=self.team.pk,
                name=facts.PROBLEM,
                objectives=facts.OBJECTIVES,
                segments=facts.SEGMENTS,
                **{**facts.DRAFT, "owner_id": self.owner.id},
            )
        found = problems.problem_get(self.scientist, found.pk)
        if problems.version_current(found) is None:
            for test in facts.BEHAVIOUR:
                problem_services.behaviour_save(actor=self.scientist, problem_id=found.pk, **test)
            version = problems.version_open(found)
            if version is None:
                raise DemoStopped("The demo's problem has neither an accepted version nor a draft.")
            if version.state == "DRAFT":
                version = problem_services.problem_submit(actor=self.scientist, version_id=version.pk)
            problem_services.problem_accept(actor=self.owner, version_id=version.pk, row_version=version.row_version)
        return problems.problem_get(self.scientist, found.pk)

    def _data(self, problem: Any) -> Any:
        dataset = datasets.dataset_list(self.scientist, team_id=self.team.pk).filter(name=facts.DATASET).first()
        if dataset is None:
            dataset = dataset_services.dataset_create(
                actor=self.scientist,
                team_id=self.team.pk,
                name=facts.DATASET,
                problem_id=problem.pk,
                description="Arrests for possession of a small quantity in Toronto, 1997 to 2002.",
                licence="GPL-2 or newer (R package carData)",
                source="Toronto Star, by way of carData and scikit-lego",
            )
        # The first one is the story's; what people add to the dataset is theirs.
        version = datasets.dataset_version_list(self.scientist, dataset).order_by("number").first()
        if version is None:
            version = dataset_services.dataset_version_create_from_file(
                actor=self.scientist, dataset_id=dataset.pk, filename="toronto-arrests.csv", chunks=_arrests()
            )
            self._wait_job(version.job_id)
            version = datasets.dataset_version_get(self.scientist, version.pk)
        elif version.state in ("REGISTERING", "PROFILING"):
            self._wait_job(version.job_id)
            version = datasets.dataset_version_get(self.scientist, version.pk)
        if version.state != "SEALED":
            raise DemoStopped(f"The data could not be profiled: {version.error}")
        if version.cited_at is None:
            dataset_services.version_roles_save(actor=self.scientist, version_id=version.pk, roles=facts.ROLES)
            dataset_services.version_split_save(actor=self.scientist, version_id=version.pk, **facts.SPLIT)
        return datasets.dataset_version_get(self.scientist, version.pk)

    def _train(self, problem: Any, version: Any, wanted: list[tuple[str, dict[str, Any], str]]) -> list[Any]:
        """Versions of these recipes, trained one after the other where they are missing: simplest is version 1."""
        for recipe, params, name in wanted:
            if self._version_of(problem, recipe) is None:
                launch = training_services.training_launch(
                    actor=self.scientist,
                    dataset_version_id=version.pk,
                    problem_id=problem.pk,
                    recipe=recipe,
                    params=params,
                    seed=facts.SEED,
                    name=name,
                )
                self._wait_job(launch.job_id)
        made = [self._version_of(problem, recipe) for recipe, _, _ in wanted]
        if any(one is None for one in made):
            raise DemoStopped("A training job ended without a version; its page says why.")
        return made

    def _version_of(self, problem: Any, recipe: str) -> Any:
        rows = registry.version_list(self.scientist, problem_id=problem.pk)
        return rows.filter(recipe=recipe, state="SEALED").order_by("number").first()

    def _evaluate(self, version: Any, baseline: Any) -> None:
        if evaluations.latest_for(version) is None:
            evaluation = evaluation_services.evaluation_launch(
                actor=self.scientist, model_version_id=version.pk, baseline_version_id=baseline.pk
            )
            self._wait_job(evaluation.job_id)
        if evaluations.latest_for(version) is None:
            raise DemoStopped("An evaluation failed; its job's page says why.")

    def _request(self, version: Any) -> Any:
        found = reviews.request_list(self.scientist, model_version_id=version.pk).order_by("-id").first()
        if found is None:
            found = review_services.approval_request(
                actor=self.scientist,
                model_version_id=version.pk,
                message=f"Version {version.number} costs no more than what is live and ranks better. Please decide.",
            )
        return reviews.request_get(self.owner, found.pk)

    def _approve(self, problem: Any, version: Any) -> None:
        request = self._request(version)
        if request.state == "OPEN":
            review_services.review_decide(
                actor=self.owner,
                request_id=request.pk,
                vote="APPROVE",
                reason="First version in use: it saves money against releasing everyone, and a person decides.",
                evidence_digest=request.evidence_digest,
            )
        if self._version_of(problem, "hist_gradient_boosting") is not None:
            # The story went on from here once; what people did to the deployment since is theirs.
            return
        deadline = time.monotonic() + LIVE_SECONDS
        while live_version_id(version.model_id) != version.pk:
            if time.monotonic() > deadline:
                raise DemoStopped(
                    f"Version {version.number} was not live within {LIVE_SECONDS} s: is the gateway running?"
                )
            time.sleep(0.25)

    def _wait_job(self, job_id: Any) -> None:
        deadline = time.monotonic() + JOB_SECONDS
        while True:
            job = jobs.job_get(self.scientist, job_id)
            if job.state == "SUCCEEDED":
                return
            if job.state in ("FAILED", "CANCELLED", "TIMED_OUT"):
                raise DemoStopped(f"{job} {job.get_state_display()}: {job.cause}")
            if time.monotonic() > deadline:
                raise DemoStopped(
                    f"{job} was still {job.get_state_display()} after {JOB_SECONDS} s: is a worker running?"
                )
            time.sleep(0.2)


def _arrests() -> Iterator[bytes]:
    """The data, written by a process of its own: the packages that hold it stay out of this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.demo.arrests"], stdout=subprocess.PIPE, cwd=settings.ROOT_DIR
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker
    while chunk := process.stdout.read(1 << 16):
        yield chunk
    if process.wait() != 0:
        raise DemoStopped("The demo's data could not be read from its package.")
