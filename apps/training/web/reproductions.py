"""The card of a run that says whether it came out the same again, and the button that does it again."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.web.views import page
from apps.training import selectors, services
from apps.training.models import Reproduction

if TYPE_CHECKING:
    from apps.experiments.models import Run

_WORDS: Final = {"code": "code", "release": "release", "environment": "environment", "python": "Python"}


@dataclass(frozen=True, slots=True)
class ReproductionRow:
    """One reproduction: its verdict, what it rests on, what had changed meanwhile, where to look."""

    state: str
    label: str
    sentence: str
    changed: str
    name: str
    url: str
    job_url: str
    begun: Any


def reproduction_words(one: Reproduction) -> str:
    """The verdict in a sentence."""
    found = one.found or {}
    verdict = Reproduction.Verdict
    if one.verdict == verdict.RUNNING:
        return "The job is under way."
    if one.verdict == verdict.FAILED:
        return f"It did not come to a comparison: {found.get('cause') or 'no cause was told'}"
    if one.verdict == verdict.DIFFERS and found["first"] is None:
        return "It measured nothing, and the files that it kept are other bytes."
    counted = f"{formats.num(found['points'])} measurements of {formats.num(found['keys'])} metrics"
    kept = "the files of the model" if one.launch_id else "the files that it kept"
    model = {True: f" and {kept}", False: "", None: ""}[found["model"]]
    if one.verdict == verdict.IDENTICAL:
        return f"{counted}{model} are the same to the last bit."
    if one.verdict == verdict.WITHIN:
        largest = found["largest"]
        widest = f"; the widest gap is {largest['relative']:.1e} of “{largest['key']}”" if largest else ""
        files = f" {kept[0].upper()}{kept[1:]} are other bytes." if found["model"] is False else ""
        return f"{counted} lie within {one.tolerance:g} of what they were{widest}.{files}"
    first = found["first"]
    return f"First apart in “{first['key']}” at step {formats.num(first['step'])}: {_pair(first)}."


def _pair(gap: Mapping[str, Any]) -> str:
    then, now = (formats.num(gap[side]) if gap[side] is not None else "nothing" for side in ("then", "now"))
    return f"{then} then, {now} now"


def _changed(one: Reproduction) -> str:
    changed = (one.found or {}).get("changed") or {}
    told = [
        f"{_WORDS[name]} {then[:8] or 'not noted'}, now {now[:8] or 'not noted'}"
        for name, (then, now) in changed.items()
    ]
    return "; ".join(told)


def _row(one: Reproduction, run: Run) -> ReproductionRow:
    """As the page of either run shows it: the name is that of the other one."""
    other = one.original if run.pk != one.original_id else one.again.run
    return ReproductionRow(
        state=one.verdict,
        label=one.get_verdict_display(),
        sentence=reproduction_words(one),
        changed=_changed(one),
        name=other.name,
        url=reverse("run-detail", args=[other.pk]),
        job_url=reverse("job-detail", args=[one.job_id]),
        begun=one.created_at,
    )


def reproductions_panel(actor: Actor, run: Run) -> dict[str, Any] | None:
    """Reproductions of the run, newest first, or what it reproduces; None for runs that nothing launched."""
    if run.source not in ("recipe", "code"):
        return None
    rows = selectors.reproduction_list(actor, run.pk)
    of = next((one for one in rows if one.run_id == run.pk), None)
    may = run.status == "FINISHED" and run.purged_at is None and services.may_reproduce(actor, run)
    if not rows and not may:
        return None
    return {
        "of": _row(of, run) if of is not None else None,
        "rows": [_row(one, run) for one in rows if one.run_id != run.pk],
        "may": may and of is None,
        "waits": any(one.verdict == Reproduction.Verdict.RUNNING for one in rows),
        "url": reverse("run-reproduce", args=[run.pk]),
        "tolerance": f"{services.TOLERANCE:g}",
        "code": run.source == "code",
    }


@page
@require_POST
def run_reproduce(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Do the run again; goes on to the page of the job."""
    try:
        text = request.POST.get("tolerance", "").strip().replace(",", ".")
        reproduction = services.run_reproduce(
            actor=request.actor,  # type: ignore[attr-defined]
            run_id=pk,
            tolerance=_number(text) if text else services.TOLERANCE,
        )
    except (Invalid, Conflict) as refusal:
        messages.error(request, " ".join(refusal.fields.get("tolerance", [])) or refusal.detail)
        return redirect("run-detail", pk=pk)
    messages.success(request, f"Job {reproduction.again.job.number} does it again.")
    return redirect("job-detail", pk=reproduction.job_id)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Invalid.field("tolerance", "A share from 0 to less than 1.") from None
