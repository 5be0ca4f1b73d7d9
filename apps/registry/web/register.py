"""Registering the files of a run by hand, and the files of a version once more with what they do not say."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.core.policies import require, who_can
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.experiments import selectors as experiments
from apps.problems import selectors as problems
from apps.registry import policies, selectors, services
from workers.contracts.signature import DATATYPES

if TYPE_CHECKING:
    from apps.experiments.models import Run
    from apps.registry.models import ModelVersion

MOST_CHOICES = 200
# The fields of the services by those of the form.
_FIELDS = {"signature": "columns", "dataset_version_id": "data_version", "path": "folder", "name": "model"}


def columns_read(text: str) -> list[dict[str, Any]]:
    """Lines such as `age INT64` and `shirt size BYTES optional` as columns. Raises ValidationError."""
    columns = []
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        words = line.split()
        required = words[-1].lower() != "optional"
        kind = words[-1 if required else -2].upper() if len(words) > (1 if required else 2) else ""
        if kind not in DATATYPES:
            raise forms.ValidationError(
                f"Line {number} is not a name and one of {', '.join(DATATYPES)}, then “optional” if it may be missing."
            )
        name = " ".join(words[: -1 if required else -2])
        columns.append({"name": name, "datatype": kind, "required": required})
    return columns


class StatedForm(forms.Form):
    """What the files of a model do not say themselves."""

    data_version = forms.ChoiceField(
        label="Data it was trained on",
        required=False,
        help_text="They belong to its lineage, without which it cannot be proposed. Without columns below, it reads "
        "their features.",
    )
    columns = forms.CharField(
        label="Columns it reads",
        required=False,
        max_length=400_000,
        help_text="One a line, in the model's own order: the name, then INT64, FP64, BOOL or BYTES (text), then "
        "“optional” where it may be missing. Left empty: what the files say, else the features of the data.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )
    classes = forms.CharField(
        label="Classes, in the order of its outputs",
        required=False,
        max_length=50_000,
        help_text="One a line. Left empty: those of the data's target.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, data_choices: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        field: Any = self.fields["data_version"]
        field.choices = [("", "None that Fairway holds"), *data_choices]

    def clean_columns(self) -> list[dict[str, Any]]:
        return columns_read(self.cleaned_data["columns"])

    def clean_classes(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["classes"].splitlines() if line.strip()]

    def stated(self) -> services.Stated:
        """Raises Invalid."""
        given = self.cleaned_data
        return services.Stated(
            signature=services.signature_of(given["columns"]) if given["columns"] else None,
            classes=tuple(given["classes"]) or None,
            dataset_version_id=uuid.UUID(given["data_version"]) if given["data_version"] else None,
        )

    def refused(self, refusal: FairwayError) -> None:
        """Put what a service says at the fields."""
        for name, texts in (refusal.fields or {"": [refusal.detail]}).items():
            field = _FIELDS.get(name, name)
            for text in texts:
                self.add_error(field if field in self.fields else None, text)


class RegisterForm(StatedForm):
    """Which files, as a version of which model."""

    folder = forms.ChoiceField(label="Files")
    model = forms.CharField(
        label="Model",
        max_length=256,
        help_text="An existing name gets another version; a new one makes a model.",
        widget=forms.TextInput(attrs={"list": "model-names", "autocomplete": "off"}),
    )
    problem = forms.ChoiceField(
        label="Problem", required=False, help_text="The question that it answers: what it is evaluated by."
    )
    field_order = ("folder", "model", "problem", "data_version", "columns", "classes")

    def __init__(
        self,
        *args: Any,
        file_choices: Iterable[tuple[str, str]],
        problem_choices: Iterable[tuple[str, str]],
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        for name, choices in (("folder", file_choices), ("problem", [("", "None yet"), *problem_choices])):
            field: Any = self.fields[name]
            field.choices = list(choices)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def run_register(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Register what a run logged as a version of a model."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    run = experiments.run_get(actor, pk)
    require(
        policies.model_register(actor, run.team_id),
        f"Registering a version takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    held = datasets.dataset_version_list(actor).filter(team_id=run.team_id, state="SEALED", purged_at=None)
    answered = problems.problem_list(actor).filter(team_id=run.team_id).order_by("name", "id")
    form = RegisterForm(
        request.POST or None,
        data_choices=[(str(row.pk), str(row)) for row in held[:MOST_CHOICES]],
        file_choices=_file_choices(run),
        problem_choices=[(str(key), name) for key, name in answered.values_list("pk", "name")[:MOST_CHOICES]],
        initial={"problem": str(run.experiment.problem_id or "")},
    )

    def register() -> ModelVersion:
        given = form.cleaned_data
        kind, _, name = given["folder"].partition(":")
        return services.version_register(
            actor=actor,
            run_id=run.pk,
            name=given["model"],
            problem_id=uuid.UUID(given["problem"]) if given["problem"] else None,
            facts={"path": name} if kind == "folder" else {"path": "model", "logged_model_id": name},
            stated=form.stated(),
        )

    names = selectors.model_list(actor, team_id=run.team_id).order_by("name").values_list("name", flat=True)
    context = {
        "nav_key": "models",
        "heading": f"Register {run.name}",
        "back": reverse("run-detail", args=[run.pk]),
        "back_label": run.name,
        "names": list(names[:MOST_CHOICES]),
        "nothing": not form.fields["folder"].choices,  # type: ignore[attr-defined]
    }
    return _answer(request, form, context, register)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def version_signature(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The files of a version once more, with columns and classes: another version."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.model_version_get(actor, pk)
    require(
        policies.model_register(actor, version.team_id),
        f"Registering a version takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    inputs = experiments.run_inputs(version.run) if version.run else []
    used = [(str(row.dataset_version_id), str(row.dataset_version)) for row in inputs if row.dataset_version_id]
    form = StatedForm(request.POST or None, data_choices=used, initial={"data_version": used[0][0] if used else ""})
    context = {
        "nav_key": "models",
        "heading": f"A signature for {version}",
        "back": reverse("version-detail", args=[version.pk]),
        "back_label": str(version),
    }
    return _answer(
        request, form, context, lambda: services.version_restate(actor=actor, version_id=pk, stated=form.stated())
    )


def _answer(
    request: HttpRequest, form: StatedForm, context: dict[str, Any], act: Callable[[], ModelVersion]
) -> HttpResponse:
    """The form, the form with what is wrong, or the page of the version that came of it."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                version = act()
            except FairwayError as refusal:
                if refusal.status not in (400, 409):
                    raise
                form.refused(refusal)
            else:
                messages.success(request, f"Version {version.number} is registered.")
                return redirect("version-detail", pk=version.pk)
    return render(request, "registry/register.html", {**context, "form": form}, status=status)


def _file_choices(run: Run) -> list[tuple[str, str]]:
    """The models that the run logged, then its folders."""
    own, logged = experiments.run_files(run)
    folders = sorted({file.path.partition("/")[0] for file in own if "/" in file.path})
    choices = [(f"logged:m-{model.pk.hex}", f"{model.name}, {len(files)} files") for model, files in logged]
    return choices + [(f"folder:{name}", f"{name}/") for name in folders]
