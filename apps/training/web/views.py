"""The launch page, also as a panel over the page of a dataset version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts import selectors as accounts
from apps.compute import selectors as compute
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.jobs import policies as job_policies
from apps.problems import selectors as problems
from apps.training import policies, selectors, services
from apps.training.models import Launch
from apps.training.selectors import STARTABLE
from apps.training.web.commands import launch_commands
from apps.training.web.forms import LaunchForm, initial_of, sent_of

if TYPE_CHECKING:
    from apps.compute.models import ComputeTarget
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import Problem

DEFAULT_RECIPES = ("hist_gradient_boosting", "logistic_regression", "ridge")


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


class LaunchPage:
    """What the address (or the sent form) chooses, and all that can be chosen beside it."""

    def __init__(self, request: HttpRequest, source: Mapping[str, Any]) -> None:
        self.request = request
        self.actor: Actor = request.actor  # type: ignore[attr-defined]
        self.source = source
        self.clone = self._clone()
        self.version = self._version()
        team = accounts.team_current(request)
        self.team_id = self.version.team_id if self.version else team.pk if team else None
        self.problems = selectors.problem_choices(self.actor, self.team_id) if self.team_id else []
        self.versions = self._versions()
        self.problem = self._problem()
        self.version = self.version or self._version_first()
        self.agreed = problems.version_current(self.problem) if self.problem else None
        self.task = self.agreed.task if self.agreed else "BINARY"
        self.recipes = selectors.recipe_list(self.task)
        self.recipe = self._recipe()

    def _clone(self) -> Launch | None:
        run_id = _uuid(self.source.get("clone"))
        if run_id is None:
            return None
        found = selectors.launch_of_run(self.actor, run_id)
        if found is None:
            raise NotFound("There is no launched run to clone, or you may not see it.")
        return found

    def _version(self) -> DatasetVersion | None:
        wanted = _uuid(self.source.get("dataset_version"))
        if wanted is not None:
            return datasets.dataset_version_get(self.actor, wanted)
        return self.clone.dataset_version if self.clone else None

    def _versions(self) -> list[DatasetVersion]:
        found = selectors.data_choices(self.actor, self.team_id) if self.team_id else []
        if self.version is not None and self.version.pk not in {one.pk for one in found}:
            found.insert(0, self.version)
        return found

    def _version_first(self) -> DatasetVersion | None:
        """The newest data of the chosen problem that can be learnt from, else the newest of it, else of the team."""
        mine = [one for one in self.versions if self.problem and one.dataset.problem_id == self.problem.pk]
        targets = [one for one in mine if any(column.get("role") == "TARGET" for column in one.schema)]
        return next(iter([*targets, *mine, *self.versions]), None)

    def _problem(self) -> Problem | None:
        wanted = _uuid(self.source.get("problem"))
        if wanted is not None:
            found = next((one for one in self.problems if one.pk == wanted), None)
            return found or problems.problem_get(self.actor, wanted)
        if self.clone:
            return self.clone.problem_version.problem
        if self.version is not None and self.version.dataset.problem_id:
            mine = self.version.dataset.problem_id
            found = next((one for one in self.problems if one.pk == mine), None)
            return found or problems.problem_get(self.actor, mine)
        return self.problems[0] if self.problems else None

    def _recipe(self) -> str:
        known = {one["id"]: one for one in self.recipes}
        wanted = self.source.get("recipe") or (self.clone.recipe if self.clone else "")
        if wanted in known:
            return str(wanted)
        return next((one for one in DEFAULT_RECIPES if one in known), next(iter(known), ""))

    def _clone_name(self) -> str:
        """The name of the cloned run; none where it only said its recipe, which may be another one now."""
        if self.clone is None or self.clone.run.name == selectors.recipe_title(self.clone.recipe):
            return ""
        return str(self.clone.run.name)

    def form(self, *, bound: bool) -> LaunchForm:
        """The form over what can be chosen; the chosen problem and data are among the choices even when refused."""
        listed = self.problems
        if self.problem is not None and self.problem.pk not in {one.pk for one in listed}:
            listed = [self.problem, *listed]
        initial = initial_of(self.recipe, self.source, self.clone.params if self.clone else {})
        initial |= {
            "dataset_version": str(self.version.pk) if self.version else "",
            "problem": str(self.problem.pk) if self.problem else "",
            "recipe": self.recipe,
            "seed": self.source.get("seed") or (str(self.clone.seed) if self.clone else "0"),
            "name": self.source.get("name") or self._clone_name(),
            "target_id": self.source.get("target_id") or "",
            "priority": self.source.get("priority") or "normal",
            "restartable": bool(self.source.get("restartable")),
        }
        return LaunchForm(
            sent_of(self.recipe, self.request.POST) if bound else None,
            initial=initial,
            versions=[(str(one.pk), str(one)) for one in self.versions],
            problems=[(str(one.pk), one.name) for one in listed],
            recipes=[(one["id"], one["title"]) for one in self.recipes],
            recipe=self.recipe,
            task=self.task,
            targets=[(str(one.pk), compute.target_words(one)) for one in self.targets()],
            priorities=job_policies.priority_choices(self.actor, self.team_id, "train"),
        )

    def targets(self) -> list[ComputeTarget]:
        """Where the team may run it now."""
        return compute.target_choices(self.team_id) if self.team_id else []

    def obstacle(self) -> dict[str, str] | None:
        """Why nothing can be launched here now, said before the form is filled; None when all is there."""
        if self.problem is None:
            return {
                "title": "No problem has been accepted in this team",
                "text": "Training starts once a product owner has accepted the question that the model is to answer.",
                "url": reverse("problem-list"),
                "label": "Open problems",
            }
        if self.agreed is None or self.problem.state not in STARTABLE:
            state = self.problem.get_state_display()
            return {
                "title": f"“{self.problem}” is {state}",
                "text": "Training starts once a product owner has accepted the problem, and while it is not suspended.",
                "url": reverse("problem-detail", args=[self.problem.pk]),
                "label": "Open the problem",
            }
        if self.version is None:
            return {
                "title": "No data has been sealed in this team",
                "text": "Upload a file; once its profile is done, a model can learn from it.",
                "url": "",
                "label": "",
            }
        return self._data_obstacle()

    def _data_obstacle(self) -> dict[str, str] | None:
        assert self.version is not None  # noqa: S101 - for the type checker
        url = reverse("dataset-version-detail", args=[self.version.pk])
        try:
            facts = datasets.training_facts(self.version)
        except Conflict as refusal:
            return {"title": "This data cannot be used", "text": refusal.detail, "url": url, "label": "Open the data"}
        if self.agreed and facts["target"] != self.agreed.target:
            return {
                "title": f"The data has no column “{self.agreed.target}” as its target",
                "text": f"“{self.problem}” asks for it. Give the column that role on the page of the data.",
                "url": url,
                "label": "Open the data",
            }
        return None

    def context(self, form: LaunchForm) -> dict[str, Any]:
        """All that page and panel show."""
        may = self.team_id is not None and policies.training_launch(self.actor, self.team_id)
        chosen = {one["id"]: one for one in self.recipes}.get(self.recipe)
        obstacle = self.obstacle() if may else None
        fields = list(form.params())
        return {
            "nav_key": "experiments",
            "form": form,
            "params": [(bound, unit) for bound, unit, switch in fields if not switch],
            "switches": [bound for bound, _, switch in fields if switch],
            "recipes": self.recipes,
            "recipe": chosen,
            "version": self.version,
            "problem": self.problem,
            "agreed": self.agreed,
            "threshold": problems.threshold_of(self.agreed) if self.agreed else None,
            "split": datasets.split_counts(self.version) if self.version and self.version.split else {},
            "features": sum(c.get("role") == "FEATURE" for c in self.version.schema) if self.version else 0,
            "clone": self.clone,
            "may": may,
            "obstacle": obstacle,
            "forecast_url": self._forecast_url() if may and not obstacle else "",
            "bad": sum(bool(bound.errors) for bound in form),
            "commands": self._commands(form) if may and not obstacle else None,
        }

    def _forecast_url(self) -> str:
        """Where the forecast of this launch is told, for each target."""
        if self.team_id is None or self.version is None or not self.recipe:
            return ""
        query = {"team": self.team_id, "kind": "train", "signature": f"recipe:{self.recipe}"}
        return f"{reverse('job-forecast')}?{urlencode(query | {'size': self.version.table_size})}"

    def _commands(self, form: LaunchForm) -> dict[str, str]:
        params = {}
        for name, schema in form.schema.items():
            value = form["p." + name].value()
            kind = schema["type"]
            try:
                params[name] = int(value) if kind == "integer" else float(value) if kind == "number" else value
            except (TypeError, ValueError):
                params[name] = value
        launch = {
            "dataset_version_id": str(self.version.pk) if self.version else "",
            "problem_id": str(self.problem.pk) if self.problem else "",
            "recipe": self.recipe,
            "params": params,
            "seed": int(form["seed"].value()) if str(form["seed"].value()).isdecimal() else 0,
        }
        if form.priority_word() != "normal":
            launch["priority"] = form.priority_word()
        if form["restartable"].value():
            launch["restartable"] = True
        if "target_id" in form.fields:
            launch["target_id"] = str(form["target_id"].value() or form.fields["target_id"].choices[0][0])  # type: ignore[attr-defined]
        return launch_commands(self.request.build_absolute_uri("/").rstrip("/"), launch)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def training_launch(request: HttpRequest) -> HttpResponse:
    """The launch form; a sent one goes on to the page of its job, unless it only asks for the fields of its choice.

    It asks by POST: a form of many fields and a token has no place in an address.
    """
    shows = "show" in request.POST
    if request.method == "POST" and not shows:
        return _launch(request)
    found = LaunchPage(request, request.POST if shows else request.GET)
    return _answer(request, found, found.form(bound=False))


def _answer(request: HttpRequest, found: LaunchPage, form: LaunchForm, status: int = 200) -> HttpResponse:
    panel = bool(request.headers.get("HX-Request")) and request.headers.get("HX-Target", "").startswith("launch-panel")
    template = "training/_panel.html" if panel else "training/launch.html"
    response = render(request, template, found.context(form), status=status)
    response["Vary"] = "HX-Request, HX-Target, Cookie"
    return response


def _launch(request: HttpRequest) -> HttpResponse:
    found = LaunchPage(request, request.POST)
    form = found.form(bound=True)
    if not form.is_valid():
        return _answer(request, found, form, status=422)
    data = form.cleaned_data
    try:
        launch = services.training_launch(
            actor=found.actor,
            dataset_version_id=uuid.UUID(data["dataset_version"]),
            problem_id=uuid.UUID(data["problem"]),
            recipe=data["recipe"],
            params=data["params"],
            seed=data["seed"],
            name=data["name"],
            target_id=data.get("target_id"),
            priority=data["priority"],
            restartable=data["restartable"],
        )
    except Invalid as refusal:
        form.errors_take(refusal)
        return _answer(request, found, form, status=422)
    except Conflict as refusal:
        form.add_error(None, refusal.detail)
        return _answer(request, found, form, status=409)
    messages.success(request, f"Job {launch.job.number} is queued.")
    target = reverse("job-detail", args=[launch.job_id])
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = target
        return response
    return redirect(target)
