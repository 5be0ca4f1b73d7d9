"""The page that begins a sweep: over a recipe, or over an entry of people's own code."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts import selectors as accounts
from apps.code import selectors as code
from apps.compute import selectors as compute
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.web.views import page
from apps.problems import selectors as problems
from apps.sweeps import policies, selectors, services
from apps.sweeps.contracts import Aim, aims_of
from apps.sweeps.models import Sweep
from apps.sweeps.web.forms import SweepForm
from apps.training import selectors as training

if TYPE_CHECKING:
    from apps.code.contracts import Entry
    from apps.code.models import Bundle
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import Problem, ProblemVersion

DEFAULT_RECIPES = ("hist_gradient_boosting", "logistic_regression", "ridge")


def _uuid(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text or ""))
    except ValueError:
        return None


class SweepPage:
    """What the address (or the sent form) chooses, and all that can be chosen beside it."""

    def __init__(self, request: HttpRequest, source: Mapping[str, Any]) -> None:
        self.request, self.source = request, source
        self.actor: Actor = request.actor  # type: ignore[attr-defined]
        clone = _uuid(source.get("clone"))
        self.clone: Sweep | None = selectors.sweep_get(self.actor, clone) if clone else None
        run = _uuid(source.get("run"))
        self.launch = training.launch_of_run(self.actor, run) if run else None
        self.bundle, self.entry = self._code()
        team = accounts.team_current(request)
        self.team_id = self.bundle.team_id if self.bundle else team.pk if team else None
        if self.clone:
            self.team_id = self.clone.team_id
        elif self.launch:
            self.team_id = self.launch.team_id
        self.problems: list[Problem] = training.problem_choices(self.actor, self.team_id) if self.team_id else []
        self.versions: list[DatasetVersion] = training.data_choices(self.actor, self.team_id) if self.team_id else []
        self.problem = self._chosen("problem", self.problems)
        self.version = self._chosen("dataset_version", self.versions)
        self.agreed: ProblemVersion | None = problems.version_current(self.problem) if self.problem else None
        recipes = training.recipe_list(self.agreed.task) if self.agreed else []
        self.recipes = [one for one in recipes if one["schema"]["properties"]]
        self.recipe = self._recipe()

    def _code(self) -> tuple[Bundle | None, Entry | None]:
        wanted = _uuid(self.source.get("bundle")) or (self.clone.bundle_id if self.clone else None)
        if wanted is None:
            return None, None
        bundle = code.bundle_get(self.actor, wanted)
        name = self.source.get("entry") or (self.clone.entry if self.clone else "")
        entry = code.entry_find(bundle, str(name)) if name else next(iter(code.entries_of(bundle)), None)
        if entry is None:
            raise NotFound("There is no such entry of this code, or it can only be launched as a command.")
        return bundle, entry

    def _chosen(self, field: str, listed: list[Any]) -> Any:
        """By the address, the cloned sweep or the run, else the first; none that the team cannot use."""
        wanted = _uuid(self.source.get(field))
        if wanted is None and self.clone:
            wanted = getattr(self.clone, f"{field}_id")
        if wanted is None and self.launch:
            wanted = self.launch.dataset_version_id
            if field == "problem":
                wanted = self.launch.problem_version.problem_id
        return next((one for one in listed if one.pk == wanted), None) or next(iter(listed), None)

    def _recipe(self) -> str:
        known = [one["id"] for one in self.recipes]
        held = self.clone.recipe if self.clone else self.launch.recipe if self.launch else ""
        wanted = str(self.source.get("recipe") or held)
        if wanted in known:
            return wanted
        return next((one for one in DEFAULT_RECIPES if one in known), next(iter(known), ""))

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        if self.entry is not None:
            found: Mapping[str, Mapping[str, Any]] = self.entry.schema["properties"]
            return found
        return next((one["schema"]["properties"] for one in self.recipes if one["id"] == self.recipe), {})

    def aims(self) -> tuple[list[Aim], list[str]]:
        """What can be looked at, and what is unless said otherwise: the objectives of the problem."""
        if self.bundle is not None or self.agreed is None:
            return [], []
        wanted = selectors.aims_default(self.agreed)
        if self.clone:
            wanted = aims_of(self.clone)
        others = [
            one for one in selectors.aims_measured(self.agreed.task) if one.metric not in {a.metric for a in wanted}
        ]
        return [*wanted, *others], [one.metric for one in wanted]

    def form(self, *, bound: bool) -> SweepForm:
        aims, wanted = self.aims()
        clone = self.clone
        initial: dict[str, Any] = {"objectives": wanted}
        if clone:
            pruning = clone.pruning or {}
            initial |= {
                "method": clone.method,
                "max_trials": clone.max_trials,
                "parallel": clone.parallel,
                "max_minutes": -(-clone.max_seconds // 60) if clone.max_seconds else None,
                "cost_limit": Decimal(clone.cost_limit_minor) / 100 if clone.cost_limit_minor else None,
                "max_failures": clone.max_failures,
                "prune_after": pruning.get("first"),
                "seed": clone.seed,
                "target_id": clone.target_id,
            }
            for number, aim in enumerate(aims_of(clone)[:2], 1):
                initial |= {
                    f"metric_{number}": aim.metric,
                    f"direction_{number}": aim.direction,
                    f"limit_{number}": aim.limit,
                }
        same = clone is not None and (clone.recipe == self.recipe or clone.bundle_id is not None)
        held = clone.params if same and clone else {}
        if self.launch and self.launch.recipe == self.recipe:
            held = self.launch.params
        targets = compute.target_choices(self.team_id) if self.team_id else []
        return SweepForm(
            self.request.POST if bound else None,
            initial=initial,
            properties=self.properties,
            aims=aims,
            targets=[(str(one.pk), compute.target_words(one)) for one in targets],
            space=clone.space if same and clone else {},
            params=held,
        )

    def obstacle(self) -> dict[str, str] | None:
        """Why nothing can begin here now."""
        if self.bundle is not None:
            if any(self.properties):
                return None
            return {
                "title": "This entry has no parameters",
                "text": "A sweep tries values of parameters. Declare some in the code.",
                "url": reverse("code-detail", args=[self.bundle.pk]),
                "label": "Open the code",
            }
        if self.agreed is None:
            return {
                "title": "No problem has been accepted in this team",
                "text": "A sweep over a recipe starts once a product owner has accepted the question. Your own code "
                "needs none: open it and search its parameters.",
                "url": reverse("problem-list"),
                "label": "Open problems",
            }
        if self.version is None:
            return {
                "title": "No data has been sealed in this team",
                "text": "Upload a file; once its profile is done, a model can learn from it.",
                "url": "",
                "label": "",
            }
        return None

    def context(self, form: SweepForm) -> dict[str, Any]:
        may = self.team_id is not None and policies.sweep_run(self.actor, self.team_id)
        return {
            "nav_key": "experiments",
            "form": form,
            "axes": list(form.axes()),
            "page": self,
            "may": may,
            "obstacle": self.obstacle() if may else None,
        }


@page
@require_http_methods(["GET", "HEAD", "POST"])
def sweep_launch(request: HttpRequest) -> HttpResponse:
    """The form of a sweep; a sent one goes on to the page of the sweep."""
    if request.method == "POST":
        return _begin(request)
    found = SweepPage(request, request.GET)
    return render(request, "sweeps/sweep_launch.html", found.context(found.form(bound=False)))


def _begin(request: HttpRequest) -> HttpResponse:
    found = SweepPage(request, request.POST)
    form = found.form(bound=True)
    if not form.is_valid():
        return render(request, "sweeps/sweep_launch.html", found.context(form), status=422)
    data = form.cleaned_data
    cost = data.get("cost_limit")
    try:
        sweep = services.sweep_create(
            actor=found.actor,
            method=data["method"],
            space=form.space_said(),
            params=form.params_said(),
            objectives=form.objectives_said(),
            recipe="" if found.bundle else found.recipe,
            dataset_version_id=None if found.bundle or not found.version else found.version.pk,
            problem_id=found.problem.pk if found.problem and not found.bundle else None,
            bundle_id=found.bundle.pk if found.bundle else None,
            entry=found.entry.id if found.entry else "",
            max_trials=data["max_trials"],
            parallel=data["parallel"],
            max_seconds=data["max_minutes"] * 60 if data.get("max_minutes") else None,
            cost_limit_minor=round(cost * 100) if cost else None,
            max_failures=data["max_failures"],
            prune_after=data.get("prune_after"),
            seed=data["seed"],
            name=data["name"],
            target_id=data.get("target_id"),
            cloned_from_id=found.clone.pk if found.clone else None,
        )
    except Invalid as refusal:
        form.errors_take(refusal)
        return render(request, "sweeps/sweep_launch.html", found.context(form), status=422)
    except Conflict as refusal:
        form.add_error(None, refusal.detail)
        return render(request, "sweeps/sweep_launch.html", found.context(form), status=409)
    messages.success(request, "The sweep has begun; its first trial is launched within a few seconds.")
    return redirect("sweep-detail", pk=sweep.pk)
