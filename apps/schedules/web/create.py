"""The form of a schedule, and the part of it that says when it would be due."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.schedules import policies, selectors, services
from apps.schedules.cron import CronError, zones
from apps.schedules.models import Schedule
from apps.sweeps import selectors as sweeps
from apps.training import selectors as training

MOST = 200
NONE = [("", "–")]


def _uuid(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text or ""))
    except ValueError:
        return None


class ScheduleForm(forms.Form):
    """What is run, when, and what happens to what was missed."""

    name = forms.CharField(label="Name", max_length=120)
    act = forms.ChoiceField(label="Runs", choices=Schedule.Act.choices)
    template_id = forms.ChoiceField(label="Template", required=False)
    launch_id = forms.ChoiceField(
        label="Training as in the run", required=False, help_text="Its recipe and parameters on the newest data."
    )
    model_id = forms.ChoiceField(label="Newest version of the model", required=False)
    sweep_id = forms.ChoiceField(label="Sweep as", required=False, help_text="The same search on the newest data.")
    trigger = forms.ChoiceField(label="When", choices=Schedule.Trigger.choices)
    cron = forms.CharField(
        label="Times",
        required=False,
        max_length=200,
        initial="0 2 * * *",
        help_text="Minute, hour, day of month, month, day of week; 0 2 * * 1-5 is two o'clock on weekdays.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    zone = forms.ChoiceField(label="Time zone", required=False, initial="UTC")
    dataset_id = forms.ChoiceField(label="Data", required=False)
    bundle_name = forms.CharField(
        label="Name of the code", required=False, max_length=120, help_text="A new version is other code of this name."
    )
    repository = forms.CharField(
        label="Git repository",
        required=False,
        max_length=500,
        help_text="Its https address, without a name or a password. It is asked every five minutes.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    branch = forms.CharField(label="Branch", required=False, max_length=200, initial="main")
    problem_id = forms.ChoiceField(label="Problem", required=False)
    missed = forms.ChoiceField(label="Times that were missed", choices=Schedule.Missed.choices)
    overlap = forms.ChoiceField(label="While the one before still runs", choices=Schedule.Overlap.choices)

    def __init__(
        self, *args: Any, actor: Actor, team_id: uuid.UUID, run: Any = None, held: Schedule | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        launches = training.launch_list(actor, team_id)[:MOST]
        listed = [(str(one.pk), str(one.run)) for one in launches]
        if run is not None and str(run.pk) not in {pk for pk, _ in listed}:
            listed.insert(0, (str(run.pk), str(run.run)))
        choices: dict[str, list[tuple[str, str]]] = {
            "template_id": [(str(one.pk), one.name) for one in training.template_list(actor, team_id)[:MOST]],
            "launch_id": listed,
            "model_id": [
                (str(one.pk), one.name) for one in registry.model_list(actor, team_id=team_id).order_by("name")[:MOST]
            ],
            "sweep_id": [(str(one.pk), one.name) for one in sweeps.sweep_list(actor, team_id).order_by("-id")[:MOST]],
            "dataset_id": [(str(one.pk), one.name) for one in datasets.dataset_list(actor, team_id=team_id)[:MOST]],
            "problem_id": [(str(one.pk), one.name) for one in problems.problem_list(actor, team_id=team_id)[:MOST]],
        }
        for name, rows in choices.items():
            pk = getattr(held, name) if held is not None else None
            if pk is not None and str(pk) not in {known for known, _ in rows}:
                # It stays what it was, also where it is too old to be listed or was put away.
                rows.insert(0, (str(pk), str(getattr(held, name.removesuffix("_id")))))
            self.fields[name].choices = NONE + rows  # type: ignore[attr-defined]
        self.fields["zone"].choices = [(name, name) for name in sorted(zones())]  # type: ignore[attr-defined]

    def asked(self) -> dict[str, Any]:
        """What `schedule_create` takes."""
        data = self.cleaned_data
        ids = {name: _uuid(data[name]) for name in data if name.endswith("_id")}
        return {**data, **ids, "zone": data["zone"] or "UTC", "branch": data["branch"] or "main"}

    def errors_take(self, refusal: Invalid | Conflict) -> int:
        """Show a refusal of the service at the fields that it names; the status of the answer."""
        for name, texts in refusal.fields.items():
            self.add_error(name if name in self.fields else None, " ".join(texts))
        if not refusal.fields:
            self.add_error(None, refusal.detail)
        return refusal.status if isinstance(refusal, Conflict) else 422


@page
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The form with what the schedule says; a sent one goes back to its page."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    schedule = selectors.schedule_get(actor, pk)
    may = policies.schedule_edit(actor, schedule.team_id)
    sent = request.POST if request.method == "POST" else None
    context: dict[str, Any] = {"nav_key": "schedules", "may": may, "schedule": schedule}
    if not may:
        return render(request, "schedules/schedule_create.html", context, status=403 if sent is not None else 200)
    initial = {name: getattr(schedule, name) for name in services.FIELDS}
    # What it has none of begins as in a new one, for another trigger may be chosen.
    initial = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in initial.items() if value}
    form = ScheduleForm(sent, initial=initial, actor=actor, team_id=schedule.team_id, held=schedule)
    status = 200
    if sent is not None and form.is_valid():
        version = str(sent.get("row_version", ""))
        try:
            services.schedule_change(
                actor=actor,
                schedule_id=pk,
                changes=form.asked(),
                row_version=int(version) if version.isdecimal() and len(version) < 10 else None,
            )
        except (Invalid, Conflict) as refusal:
            status = form.errors_take(refusal)
        else:
            messages.success(request, "The schedule is changed. It runs in your name.")
            return redirect("schedule-detail", pk=pk)
    elif sent is not None:
        status = 422
    said = _times(str(form["cron"].value() or ""), str(form["zone"].value() or "UTC"))
    version_seen = sent.get("row_version", "") if sent is not None else schedule.row_version
    context |= {"form": form, "row_version": version_seen, **said}
    return render(request, "schedules/schedule_create.html", context, status=status)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def schedule_create(request: HttpRequest) -> HttpResponse:
    """The form; a sent one goes on to the page of the schedule."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    run = _uuid(request.GET.get("run") or request.POST.get("run"))
    launch = training.launch_of_run(actor, run) if run else None
    team_id = launch.team_id if launch else team.pk if team else None
    may = team_id is not None and policies.schedule_edit(actor, team_id)
    context: dict[str, Any] = {"nav_key": "schedules", "may": may, "run": launch}
    if not may or team_id is None:
        return render(
            request, "schedules/schedule_create.html", context, status=200 if request.method != "POST" else 403
        )
    initial: dict[str, Any] = {"missed": "SKIP", "overlap": "SKIP"}
    if launch is not None:
        initial |= {"act": "TRAINING", "launch_id": str(launch.pk), "name": f"Again: {launch.run.name}"[:120]}
    sent = request.POST if request.method == "POST" else None
    form = ScheduleForm(sent, initial=initial, actor=actor, team_id=team_id, run=launch)
    status = 200
    if sent is not None and form.is_valid():
        try:
            schedule = services.schedule_create(actor=actor, **form.asked())
        except (Invalid, Conflict) as refusal:
            status = form.errors_take(refusal)
        else:
            messages.success(request, f"“{schedule.name}” runs by itself from now on.")
            return redirect("schedule-detail", pk=schedule.pk)
    elif sent is not None:
        status = 422
    said = _times(str(form["cron"].value() or ""), str(form["zone"].value() or "UTC"))
    return render(request, "schedules/schedule_create.html", {**context, "form": form, **said}, status=status)


@page
@require_safe
def schedule_times(request: HttpRequest) -> HttpResponse:
    """The next five times of what stands in the form."""
    said = _times(request.GET.get("cron", ""), request.GET.get("zone") or "UTC")
    return render(request, "schedules/_times.html", said)


def _times(cron: str, zone: str) -> dict[str, Any]:
    try:
        return {"times": selectors.next_times(cron, zone, timezone.now()), "zone": zone, "fault": ""}
    except CronError as error:
        return {"times": [], "zone": "", "fault": str(error)}
