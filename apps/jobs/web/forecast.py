"""What a launch would take, and what happened to a job against what was forecast when it was launched."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core import formats
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.jobs import selectors
from apps.jobs.contracts import FINAL_STATES, PRIORITIES
from apps.jobs.forecasting import Forecast, Spread
from apps.jobs.models import Job, JobAttempt


def seconds_between(start: datetime, end: datetime | None) -> float:
    """From one moment to another, or until now."""
    return float(((end or timezone.now()) - start).total_seconds())


def waited_of(job: Job) -> float:
    """Seconds from the launch to the first start, so far or in all."""
    return seconds_between(job.created_at, job.started_at or job.ended_at)


def took_of(job: Job) -> float | None:
    """Seconds from the first start to the end, so far or in all; None for a job that has not started."""
    return seconds_between(job.started_at, job.ended_at) if job.started_at else None


def forecast_context(job: Job, attempt: JobAttempt | None) -> dict[str, Any] | None:
    """{"rows": what, was, was forecast, range; "basis"}; None for a job from before there were forecasts."""
    if job.forecast is None:
        return None
    told = Forecast.of_json(job.forecast)
    took = took_of(job)
    price = job.target.price_minor if job.target else None
    cost = took * price / 3600 if took is not None and price is not None else None
    peak = attempt.rss_peak_bytes if attempt is not None else None
    money = partial(_money, told.currency)
    rows = [
        _row("Wait", waited_of(job), told.wait, formats.duration),
        _row("Run", took, told.run, formats.duration),
        _row("Memory", peak, told.memory, formats.size),
        *([_row("Cost", cost, told.cost, money)] if cost is not None or told.cost is not None else []),
    ]
    ended = job.state in FINAL_STATES
    return {"rows": rows, "basis": told.basis, "head": "Was" if ended else "So far"}


def _money(currency: str, minor: float) -> str:
    return formats.money(round(minor), currency or "EUR")


def _row(what: str, value: float | None, spread: Spread | None, words: Callable[[Any], str]) -> dict[str, Any]:
    """`stated`: the range is an 80 % interval; `held`: the value lies in it."""
    return {
        "what": what,
        "value": words(value) if value is not None else "–",
        "mid": words(spread.mid) if spread else "unknown",
        "range": f"[{words(spread.low)}, {words(spread.high)}]" if spread and spread.n > 1 else "–",
        "stated": spread is not None and spread.stated,
        "held": spread.holds(value) if spread is not None and value is not None else None,
    }


@page
@require_safe
def job_forecast(request: HttpRequest) -> HttpResponse:
    """What a launch now would meet on each target: a part of launch forms, or a page of its own."""
    asked = request.GET
    actor = request.actor  # type: ignore[attr-defined]
    size, priority = asked.get("size", ""), asked.get("priority", "")
    try:
        team_id = uuid.UUID(asked.get("team", ""))
    except ValueError:
        raise NotFound("There is no such team, or you may not see it.") from None
    choices = selectors.forecast_choices(
        actor,
        team_id=team_id,
        kind=asked.get("kind", "train")[:20],
        signature=asked.get("signature", "")[:200].replace("\x00", ""),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None,
        priority=priority if priority in PRIORITIES else "normal",
        local="local" in asked,
    )
    wanted = asked.get("target_id", "")
    choices.sort(key=lambda one: str(one.target.pk) != wanted)
    context = {"choices": choices, "coverage": selectors.coverage_words(selectors.coverage(actor)), "nav_key": "jobs"}
    part = bool(request.headers.get("HX-Request"))
    response = render(request, "components/forecast.html" if part else "jobs/forecast.html", context)
    response["Vary"] = "HX-Request, Cookie"
    return response
