"""The page of an experiment: the table of its runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.actors import Actor
from apps.core.tables import BoundTable, part_alone, table_response
from apps.core.web.filter_words import words_response
from apps.core.web.views import page
from apps.experiments import policies, selectors
from apps.experiments.contracts import experiment_actions
from apps.experiments.models import Experiment, Run, SavedView
from apps.experiments.web.chart_view import CHARTED, chart_view
from apps.experiments.web.completion import run_fields, run_values
from apps.experiments.web.grouping import group_choices, grouping_of
from apps.experiments.web.run_columns import TOOK, run_columns
from apps.experiments.web.snippets import experiment_snippet
from apps.experiments.web.tables import RUNS, runs_bulk, runs_prepare
from apps.experiments.web.views.saved_views import view_url
from apps.experiments.web.words import MetricWords, metrics_in_order

SAMPLE = selectors.SAMPLE
MOST_ASKED = 50


@page
@require_safe
def experiment_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """One experiment: its runs as a table, alone or beside charts, with the trade-off of two metrics to follow."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment, aims, views, pulse = selectors.experiment_with_views(actor, pk)
    opening = next((view for view in views if view.is_default), None)
    if opening is not None and not request.GET:
        return redirect(view_url(opening))
    archived = request.GET.get("archived") == "1"
    runs = selectors.run_list(actor, experiment_id=experiment.pk, deleted=archived)
    listed = runs.select_related(None).annotate(took=TOOK).defer("code", "environment", "notes")
    charts = request.GET.get("show") == "charts"
    sample = selectors.run_sample(runs, CHARTED if charts else SAMPLE)
    keys = {key for run in sample for key in run.metrics_latest} | _asked_metrics(request)
    words = metrics_in_order(keys, aims)
    asked = request.GET.get("baseline", "")
    baseline = _baseline(listed, asked)
    may_write = policies.experiment_write(actor, experiment)
    may_purge = actor.can("data.edit", experiment.team_id)
    spec = replace(RUNS, bulk=runs_bulk(may_write=may_write, may_purge=may_purge, archived=archived))
    table = spec.bind(
        request,
        listed,
        columns=run_columns(sample[:SAMPLE], words, baseline),
        pinned=[baseline] if baseline else [],
    )
    # Beside the charts the rows say no more than the numbers.
    table.preparer = runs_prepare(actor, {} if charts else None, _pins(table))
    if table.wants_csv or table.wants_parquet:
        return table_response(request, table, "")
    if not table.active and len(sample) < SAMPLE:
        table.counted = len(sample)
    grouping = grouping_of(request, table)
    if grouping is not None and not grouping.more:
        table.counted = sum(row.count for row in grouping.rows)
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "experiment": experiment,
        "archived": archived,
        "may_write": may_write,
        "pulse": None if archived else pulse,
        "snippet": experiment_snippet(request.build_absolute_uri("/").rstrip("/"), experiment),
        "menu": _menu(actor, experiment, may_write, archived),
        "bar": "experiments/_run_bar.html",
        **_views(table, views),
        "body": "experiments/_run_groups.html" if grouping else "",
        "grouping": grouping,
        "grouped": request.GET.get("group", ""),
        "group_choices": group_choices(sample),
        "group_kept": table.kept("group", "open"),
        "baseline": baseline,
        "baseline_gone": bool(asked) and baseline is None,
        "baseline_off": table.url(baseline=None),
        **_drawn(table, sample, words, baseline, alone=grouping is not None),
    }
    return table_response(request, table, "experiments/experiment_detail.html", context)


def _asked_metrics(request: HttpRequest) -> set[str]:
    """Metrics that the address names although none of the newest runs may have them."""
    columns = [*request.GET.get("cols", "").split(","), *request.GET.getlist("cols"), request.GET.get("sort", "")]
    names = [name.lstrip("-").removeprefix("m.") for name in columns if name.lstrip("-").startswith("m.")]
    return {unquote(name).replace("\0", "") for name in names[:MOST_ASKED]} - {""}


def _baseline(runs: QuerySet[Run], text: str) -> Run | None:
    """The pinned run; None when the address names none or one that is not among these."""
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        return None
    return runs.filter(pk=wanted).first()


def _views(table: BoundTable, views: list[SavedView]) -> dict[str, Any]:
    """The menu of saved views, and the address that one more would keep."""
    here = table.url(view=None).partition("?")[2]
    marked = "view" in table.request.GET
    drawn = [{"view": view, "url": view_url(view), "current": marked and view.query == here} for view in views]
    return {"views": drawn, "query": here}


def _pins(table: BoundTable) -> Callable[[Run], tuple[str, bool]]:
    """Where a click on a run's pin leads, and whether it is the pinned one."""
    held, off = {one.pk for one in table.pinned}, table.url(baseline=None)
    on = f"{off}{'&' if '?' in off else '?'}baseline="
    return lambda run: (off, True) if run.pk in held else (f"{on}{run.pk}", False)


def _drawn(
    table: BoundTable, sample: list[Run], words: list[MetricWords], baseline: Run | None, *, alone: bool
) -> dict[str, Any]:
    """The charts beside the rows when the address asks for them, else where the trade-off above them comes from.

    `alone`: the table is all there is to see.
    """
    on = table.request.GET.get("show") == "charts"
    found: dict[str, Any] = {"charts_on": on, "charts_url": table.url(show="charts"), "table_url": table.url(show=None)}
    if on:
        shown = None if table.refusals else chart_view(table, sample, words, baseline)
        return found | {"above": "experiments/_run_charts.html", "charts_shown": shown}
    measured = {key for run in sample for key in run.metrics_latest}
    if alone or part_alone(table) or table.refusals or len(measured) < 2:
        return found
    where = reverse("experiment-trade-off", kwargs=table.request.resolver_match.kwargs)  # type: ignore[union-attr]
    return found | {"trade_off_url": f"{where}?{table.request.GET.urlencode()}"}


def _menu(actor: Actor, experiment: Experiment, may_write: bool, archived: bool) -> list[dict[str, Any]]:
    here = reverse("experiment-detail", args=[experiment.pk])
    items = [
        {"label": "Open runs", "icon": "flask", "url": here}
        if archived
        else {"label": "Archived runs", "icon": "archive", "url": f"{here}?archived=1"},
        *({"label": one.label, "icon": one.icon, "url": one.url} for one in experiment_actions(actor, experiment)),
        {"label": "Use in Python", "icon": "code", "open": "snippet"},
    ]
    if getattr(experiment, "is_judged", False):
        url = f"{reverse('evaluation-dataset-list')}?experiment={experiment.pk}"
        items.append({"label": "Evaluation datasets", "icon": "list-check", "url": url})
    if may_write:
        restore = experiment.archived_at is not None
        url = reverse("experiment-archive", args=[experiment.pk])
        items.append(
            {"label": "Edit its words", "icon": "edit", "url": reverse("experiment-edit", args=[experiment.pk])}
        )
        items.append({"label": "Restore" if restore else "Archive", "icon": "archive", "post": url})
    return items


@page
@require_safe
def experiment_filter_words(request: HttpRequest, pk: uuid.UUID) -> JsonResponse:
    """What may stand at the cursor of the filter bar: {"start", "options": [{"text", "detail"}]}."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    experiment = selectors.experiment_get(actor, pk)
    return words_response(
        request, selectors.RUNS, partial(run_fields, actor, experiment.pk), partial(run_values, actor, experiment.pk)
    )
