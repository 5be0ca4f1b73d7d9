"""The page that launches people's own code."""

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
from apps.code import selectors as code
from apps.code.contracts import Entry
from apps.compute import selectors as compute
from apps.core.actors import Actor
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.web.views import page
from apps.jobs import policies as job_policies
from apps.registry import selectors as registry
from apps.training import policies, selectors, services
from apps.training.web.code_commands import code_commands
from apps.training.web.code_forms import COMMAND, PREFIX, CodeForm, initial_of, typed

if TYPE_CHECKING:
    from apps.code.models import Bundle
    from apps.compute.models import ComputeTarget
    from apps.training.models import CodeLaunch, LaunchTemplate

MODELS = 100


def _uuid(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text or ""))
    except ValueError:
        return None


class CodePage:
    """What the address (or the sent form) chooses, and all that can be chosen beside it."""

    def __init__(self, request: HttpRequest, source: Mapping[str, Any]) -> None:
        self.request = request
        self.actor: Actor = request.actor  # type: ignore[attr-defined]
        self.source = source
        self.clone = self._clone()
        self.template = self._template()
        self.data = str(_uuid(source.get("dataset_version")) or "")
        self.held = self.clone or self.template
        wanted = _uuid(source.get("bundle")) or (self.held.bundle_id if self.held else None)
        self.bundle: Bundle | None = code.bundle_get(self.actor, wanted) if wanted else None
        team = accounts.team_current(request)
        self.team_id = self.bundle.team_id if self.bundle else team.pk if team else None
        self.may = self.team_id is not None and policies.code_launch(self.actor, self.team_id)
        self.bundles = code.bundle_choices(self.actor, self.team_id) if self.team_id else []
        if self.bundle is None and self.bundles:
            self.bundle = code.bundle_get(self.actor, self._fitting())
        self.entries = code.entries_of(self.bundle) if self.bundle else []
        self.is_command, self.entry = self._entry()

    def _clone(self) -> CodeLaunch | None:
        run_id = _uuid(self.source.get("clone"))
        if run_id is None:
            return None
        found = selectors.code_launch_of_run(self.actor, run_id)
        if found is None:
            raise NotFound("There is no launched run of your own code to clone, or you may not see it.")
        return found

    def _template(self) -> LaunchTemplate | None:
        pk = _uuid(self.source.get("template"))
        return selectors.template_get(self.actor, pk) if pk else None

    def _fitting(self) -> uuid.UUID:
        """The newest bundle, or the newest that reads data when the page was opened from some."""
        for one in self.bundles if self.data else ():
            for entry in one.entries:
                if any(found.get("format") == "dataset" for found in entry["schema"]["properties"].values()):
                    return one.pk
        return self.bundles[0].pk

    def _entry(self) -> tuple[bool, Entry | None]:
        if self.bundle is None:
            return False, None
        same = self.held is not None and self.held.bundle_id == self.bundle.pk
        wanted = str(self.source.get("entry") or "")
        if wanted == COMMAND and self.source.get("of", str(self.bundle.pk)) != str(self.bundle.pk):
            wanted = ""  # it was chosen for another bundle
        if not wanted and same and self.held is not None:
            wanted = self.held.entry or COMMAND
        if wanted == COMMAND or not self.entries:
            return True, None
        known = {one.id: one for one in self.entries}
        return False, known.get(wanted) or next(iter(known.values()))

    def _params(self) -> Mapping[str, Any]:
        same = self.held is not None and self.bundle is not None and self.held.bundle_id == self.bundle.pk
        return self.held.params if same and self.held is not None and self.entry else {}

    def _inputs(self) -> dict[str, list[tuple[str, str]]]:
        """What inputs can be chosen from, asked only where the entry has such an input."""
        formats = {one.get("format") for one in self.entry.schema["properties"].values()} if self.entry else set()
        found: dict[str, list[tuple[str, str]]] = {"dataset": [], "model": []}
        if self.team_id and "dataset" in formats:
            found["dataset"] = [(str(one.pk), str(one)) for one in selectors.data_choices(self.actor, self.team_id)]
        if self.team_id and "model" in formats:
            rows = registry.version_list(self.actor).filter(team_id=self.team_id).order_by("-id")
            found["model"] = [(str(one.pk), str(one)) for one in rows[:MODELS]]
        return found

    def _targets(self) -> list[ComputeTarget]:
        return compute.target_choices(self.team_id) if self.team_id else []

    def _target_held(self) -> str:
        """The target of the template, or of the job that is cloned."""
        held = self.template.target_id if self.template else self.clone.job.target_id if self.clone else None
        return str(held or "")

    def _checkpoint_held(self) -> str:
        """As typed for this entry, as the template or the cloned launch has it, else as the entry declares."""
        drawn = self.source.get("drawn", "") == (self.entry.id if self.entry else COMMAND)
        if drawn and "checkpoint" in self.source:
            return str(self.source["checkpoint"])
        if self.held is not None:
            return str(self.held.checkpoint)
        return self.entry.checkpoint if self.entry else ""

    def form(self, *, bound: bool) -> CodeForm:
        """The form over what can be chosen."""
        bundle = self.bundle
        listed = [(str(one.pk), str(one)) for one in self.bundles]
        if bundle is not None and str(bundle.pk) not in {pk for pk, _ in listed}:
            listed.insert(0, (str(bundle.pk), str(bundle)))
        packages = [("own", "Fairway's own")]
        if bundle is not None and bundle.lock_path:
            packages.insert(0, ("lock", f"{bundle.lock_path} of the code"))
        problems = selectors.problem_choices(self.actor, self.team_id) if self.team_id else []
        held = self.held
        command = held.command if held is not None else ""
        initial = initial_of(self.entry, self.source, self._params(), self.data) | {
            "bundle": str(bundle.pk) if bundle else "",
            "entry": COMMAND if self.is_command else self.entry.id if self.entry else "",
            "command": self.source.get("command") or (" ".join(command) if isinstance(command, list) else command),
            "environment": self.source.get("environment") or packages[0][0],
            "target": self.source.get("target") or self._target_held(),
            "problem": self.source.get("problem") or (str(held.problem_id or "") if held else ""),
            "seed": self.source.get("seed") or (str(held.seed) if held else "0"),
            "name": self.source.get("name") or "",
            "priority": self.source.get("priority") or (self.template.priority if self.template else "normal"),
            "checkpoint": self._checkpoint_held(),
            "restartable": bool(self.source.get("restartable")),
        }
        return CodeForm(
            self.request.POST if bound else None,
            entry=self.entry,
            choices={
                "bundle": listed,
                "entry": [*((one.id, one.id) for one in self.entries), (COMMAND, "a command of your own")],
                "environment": packages,
                "target": [(str(one.pk), compute.target_words(one)) for one in self._targets()],
                "problem": [("", "none: models stay with the run"), *((str(one.pk), one.name) for one in problems)],
                "priority": job_policies.priority_choices(self.actor, self.team_id, "train"),
            },
            inputs=self._inputs(),
            initial=initial,
        )

    def context(self, form: CodeForm) -> dict[str, Any]:
        """All that the page shows."""
        return {
            "nav_key": "code",
            "form": form,
            "may": self.may,
            "bundle": self.bundle,
            "entry": self.entry,
            "is_command": self.is_command,
            "drawn": self.entry.id if self.entry else COMMAND,
            "clone": self.clone,
            "template": self.template,
            "data": self.data,
            "params": list(form.params(switches=False)),
            "switches": list(form.params(switches=True)),
            "key": self.source.get("key") or str(uuid.uuid4()),
            "bad": sum(bool(bound.errors) for bound in form),
            "notes": list(self.entry.notes) if self.entry else [],
            "commands": self._commands(form) if self.may and self.bundle else None,
            "forecast_url": self._forecast_url(form) if self.may else "",
        }

    def _forecast_url(self, form: CodeForm) -> str:
        """Where the forecast of this launch is told."""
        if self.bundle is None:
            return ""
        title = self.entry.id if self.entry else str(form["command"].value() or "")
        query = {
            "team": self.bundle.team_id,
            "kind": "command" if self.is_command else "train",
            "signature": services.signature_of(self.bundle, title),
            # A lockfile's packages lie on this machine alone.
            **({"local": "1"} if form["environment"].value() == "lock" else {}),
        }
        return f"{reverse('job-forecast')}?{urlencode(query)}"

    def _commands(self, form: CodeForm) -> dict[str, str]:
        params = {}
        for name, one in form.properties:
            value = typed(one, form[PREFIX + name].value())
            if value not in (None, ""):
                params[name] = bool(value) if one["type"] == "boolean" else value
        seed = str(form["seed"].value())
        launch: dict[str, Any] = {"bundle_id": str(self.bundle.pk) if self.bundle else ""}
        if self.is_command:
            launch["command"] = str(form["command"].value() or "")
        else:
            launch |= {"entry": self.entry.id if self.entry else "", "params": params}
        launch |= {"seed": int(seed) if seed.isdecimal() else 0, "environment": str(form["environment"].value())}
        for field, name in (("problem", "problem_id"), ("target", "target_id")):
            chosen = form[field].value() if field in form.fields else ""
            if chosen:
                launch[name] = str(chosen)
        if form.priority_word() != "normal":
            launch["priority"] = form.priority_word()
        folder, declared = str(form["checkpoint"].value() or ""), self.entry.checkpoint if self.entry else ""
        if folder != declared:
            launch["checkpoint"] = folder
        if form["restartable"].value():
            launch["restartable"] = True
        return code_commands(self.request.build_absolute_uri("/").rstrip("/"), launch)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def code_launch(request: HttpRequest) -> HttpResponse:
    """The launch form; a sent one goes on to the page of its job, or keeps the template that it was asked to."""
    shows = "show" in request.POST
    if request.method == "POST" and not shows:
        return _launch(request)
    found = CodePage(request, request.POST if shows else request.GET)
    return _answer(request, found, found.form(bound=False))


def _answer(request: HttpRequest, found: CodePage, form: CodeForm, status: int = 200) -> HttpResponse:
    return render(request, "training/code_launch.html", found.context(form), status=status)


def _launch(request: HttpRequest) -> HttpResponse:
    found = CodePage(request, request.POST)
    form = found.form(bound=True)
    if found.bundle is None or not form.is_valid():
        return _answer(request, found, form, status=422)
    data = form.cleaned_data
    said: dict[str, Any] = {
        "bundle_id": uuid.UUID(data["bundle"]),
        "entry": "" if found.is_command else data["entry"],
        "command": data["command"] if found.is_command else "",
        "params": data["params"],
        "seed": data["seed"],
        "problem_id": _uuid(data["problem"]),
        "environment": data["environment"],
        "target_id": _uuid(data.get("target")),
        "checkpoint": data["checkpoint"],
        "priority": data["priority"],
    }
    try:
        if "save" in request.POST:
            template = services.template_save(actor=found.actor, name=data["template_as"], **said)
            messages.success(request, f"Template “{template.name}” is saved.")
            return redirect("template-list")
        key = str(_uuid(request.POST.get("key")) or uuid.uuid4())
        launch = services.code_launch(
            actor=found.actor,
            name=data["name"],
            idempotency_key=f"form:{key}",
            restartable=data["restartable"],
            **said,
        )
    except Invalid as refusal:
        if "save" in request.POST and "name" in refusal.fields:
            refusal.fields["template_as"] = refusal.fields.pop("name")
        form.errors_take(refusal)
        return _answer(request, found, form, status=422)
    except (Conflict, Forbidden) as refusal:
        form.add_error("template_as" if refusal.code == "name_taken" else None, refusal.detail)
        return _answer(request, found, form, status=refusal.status)
    waits = launch.job.progress_text if launch.job.state == "PENDING" else ""
    messages.success(
        request, f"Job {launch.job.number} is queued." if not waits else f"Job {launch.job.number}: {waits}"
    )
    return redirect(reverse("job-detail", args=[launch.job_id]))
