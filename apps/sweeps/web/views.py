"""Pages of sweeps: the list, and one sweep with its trials."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import F, FloatField, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.core import formats
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter, table_response
from apps.core.web.views import page
from apps.sweeps import policies, selectors, services
from apps.sweeps.contracts import Aim, Standing, aims_of
from apps.sweeps.models import Sweep, Trial
from apps.sweeps.topics import mark_of
from apps.sweeps.web.charts import charts_of, value_text

SWEEPS = Table(
    key="sweeps",
    columns=[
        Column("name", "Sweep", sort="name", link=True, wrap=True),
        Column("state", "State", sort="state", format="state"),
        Column("method", "Method", sort="method", value="get_method_display"),
        Column("of", "Over", value=lambda row: row.recipe or f"{row.bundle} {row.entry}", wrap=True),
        Column("problem", "Problem", sort="problem__name", value="problem"),
        Column("trials", "Trials", sort="trial_count", value="trial_count", format="num"),
        Column("by", "Begun by", sort="created_by_label", value=lambda row: row.begun_by or row.created_by_label),
        Column("created", "Begun", sort="id", format="ago", value="created_at"),
    ],
    filters=[
        TextFilter("q", "Find a sweep", ["name", "recipe"]),
        ChoiceFilter("state", "State", Sweep.State.choices),
    ],
    default_sort="-created",
    row_url=lambda row: reverse("sweep-detail", args=[row.pk]),
    label="Sweeps",
    noun="sweep",
)


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def sweep_list(request: HttpRequest) -> HttpResponseBase:
    """The sweeps of the team."""
    actor, team = _actor(request), accounts.team_current(request)
    rows = selectors.sweep_list(actor, team.pk if team else None)
    may = team is not None and policies.sweep_run(actor, team.pk)
    context = {"nav_key": "experiments", "may_run": may}
    return table_response(request, SWEEPS.bind(request, rows), "sweeps/sweep_list.html", context)


def _run_cell(trial: Trial) -> Any:
    if trial.run is None:
        return ""
    return format_html('<a href="{}">{}</a>', reverse("run-detail", args=[trial.run_id]), trial.run.name)


def _job_cell(trial: Trial) -> Any:
    if trial.job is None:
        return ""
    return format_html('<a href="{}">{}</a>', reverse("job-detail", args=[trial.job_id]), trial.job.number)


def _param(name: str, trial: Trial) -> Any:
    value = trial.params.get(name)
    return "" if value is None else value_text(value)


def _value(place: int, trial: Trial) -> float | None:
    return trial.values[place] if trial.values else None


def trial_table(sweep: Sweep, aims: list[Aim]) -> Table:
    """The table of the trials of one sweep: its objectives and parameters are columns."""
    columns = [
        Column("number", "Trial", sort="number", format="num"),
        Column("state", "State", sort="state", format="state", csv=lambda row: row.state),
    ]
    for place, aim in enumerate(aims):
        sort = Cast(F(f"values__{place}"), FloatField())
        help_text = f"{aim.metric}, {'lower' if aim.lower else 'higher'} is better"
        value = partial(_value, place)
        columns.append(
            Column(f"v{place}", aim.name, sort=sort, value=value, format="num", nullable=True, help=help_text)
        )
    for name in sweep.space:
        raw = partial(lambda key, row: row.params.get(key), name)
        columns.append(Column(f"p.{name}", name, value=partial(_param, name), csv=raw, numeric=True))
    columns += [
        Column("seconds", "Duration", sort="seconds", format="duration", nullable=True),
        Column("run", "Run", render=_run_cell, csv=lambda row: str(row.run_id or "")),
        Column("job", "Job", render=_job_cell, csv=lambda row: row.job.number if row.job else ""),
        Column("cause", "Cause", value="cause", wrap=True),
    ]
    return Table(
        key="trials",
        columns=columns,
        filters=[ChoiceFilter("state", "State", Trial.State.choices)],
        default_sort="number",
        label="Trials",
        noun="trial",
        empty_title="No trial has been launched yet",
        empty_text="The first ones are chosen within a few seconds, by the worker.",
    )


@page
@require_safe
def sweep_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Where a sweep stands: verdict, charts, trials."""
    actor = _actor(request)
    sweep = selectors.sweep_get(actor, pk)
    rows: QuerySet[Trial] = selectors.trial_list(sweep)
    aims = aims_of(sweep)
    table = trial_table(sweep, aims).bind(request, rows)
    trials = list(rows.defer("run__metrics_latest", "job__spec", "job__files").order_by("number"))
    found = selectors.standing(sweep, trials)
    may = policies.sweep_run(actor, sweep.team_id)
    running = sweep.state == Sweep.State.RUNNING
    context = {
        "nav_key": "experiments",
        "sweep": sweep,
        "found": found,
        "verdict": verdict_of(sweep, found),
        "kpis": kpis_of(sweep, found),
        "charts": charts_of(found, trials, list(sweep.space)),
        "best_params": [(name, value_text(value)) for name, value in found.best.params.items()] if found.best else [],
        "space": [(name, axis_words(axis)) for name, axis in sweep.space.items()],
        "fixed": [(name, value_text(value)) for name, value in sweep.params.items() if name not in sweep.space],
        "limits": limits_of(sweep),
        "aim_rows": [(aim, aim_words(aim)) for aim in aims],
        "running": running,
        "mark": mark_of(sweep.pk) if running else "",
        "may_cancel": may and running and sweep.cancel_requested_at is None,
        "may_clone": may,
        "hits": [f"{found.open} open trials with their jobs"] if found.open else [],
    }
    return table_response(request, table, "sweeps/sweep_detail.html", context)


def verdict_of(sweep: Sweep, found: Standing) -> dict[str, str]:
    """The best so far, against the first trial, and what ends the sweep."""
    aim = found.aims[0]
    running = sweep.state == Sweep.State.RUNNING
    if found.best is None:
        title = "No trial is done yet." if running else "No trial was done."
        return {"tone": "info" if running else "bad", "title": title, "text": sweep.cause if not running else ""}
    value = found.best.values[0]
    title = f"Best {'so far' if running else 'of all'}: {aim.name} {formats.num(value)}, trial {found.best.number}."
    told = []
    if found.baseline is not None and found.baseline != found.best:
        by = formats.num(abs(value - found.baseline.values[0]))
        word = "better" if aim.better(value, found.baseline.values[0]) else "worse"
        told.append(f"{by} {word} than trial {found.baseline.number}, the first that was done.")
    elif found.baseline is not None and len(found.history) > 1:
        told.append("No trial is better than the first.")
    if not found.kept:
        told.append("None keeps to every limit, so it is the best of those that break one.")
    if found.front:
        told.append(f"{len(found.front)} trials are not beaten in every objective.")
    if sweep.cause:
        told.append(sweep.cause)
    tone = "good" if found.kept and sweep.state in ("FINISHED", "RUNNING", "STOPPED") else "warn"
    return {"tone": tone, "title": title, "text": " ".join(told)}


def kpis_of(sweep: Sweep, found: Standing) -> list[dict[str, Any]]:
    done, failed = found.counts.get("DONE", 0), found.counts.get("FAILED", 0)
    most = sweep.max_trials
    cost = "not priced"
    if found.cost_minor is not None:
        cost = formats.money(round(found.cost_minor), sweep.currency)
    limit = formats.money(sweep.cost_limit_minor, sweep.currency) if sweep.cost_limit_minor else ""
    ended_early = found.counts.get("PRUNED", 0)
    return [
        {"label": "Trials", "value": formats.num(sweep.trial_count), "small": f"of at most {formats.num(most)}"},
        {"label": "Done", "value": formats.num(done), "small": f"{found.open} open"},
        {"label": "Ended early", "value": formats.num(ended_early), "small": f"{failed} failed"},
        {"label": "Cost", "value": cost, "small": f"limit {limit}" if limit else "no limit"},
    ]


def axis_words(axis: dict[str, Any]) -> str:
    """A range or choices in words."""
    if axis["type"] == "categorical":
        return ", ".join(value_text(one) for one in axis["choices"])
    return f"{axis['low']:g} to {axis['high']:g}{', logarithmic' if axis.get('log') else ''}"


def aim_words(aim: Aim) -> str:
    limit = "" if aim.limit is None else f", at {'most' if aim.lower else 'least'} {formats.num(aim.limit)}"
    return f"{'lower' if aim.lower else 'higher'} is better{limit}"


def limits_of(sweep: Sweep) -> list[tuple[str, str]]:
    """What may stop it."""
    rows = [("Trials", formats.num(sweep.max_trials)), ("At once", formats.num(sweep.parallel))]
    if sweep.max_seconds:
        rows.append(("Time", formats.duration(sweep.max_seconds)))
    if sweep.cost_limit_minor:
        rows.append(("Cost", formats.money(sweep.cost_limit_minor, sweep.currency)))
    rows.append(("Failures in a row", formats.num(sweep.max_failures)))
    if sweep.pruning:
        rule = sweep.pruning
        rows.append(
            ("Ended early", f"by {rule['metric']} from step {rule['first']}, the best of {rule['factor']} go on")
        )
    return rows


@page
@require_POST
def sweep_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End a sweep and its open trials."""
    try:
        services.sweep_cancel(actor=_actor(request), sweep_id=pk, reason=request.POST.get("reason", ""))
        messages.success(request, "The sweep ends, and with it its open trials. What is done stays.")
    except Conflict as refusal:
        messages.error(request, refusal.detail)
    return redirect("sweep-detail", pk=pk)
