"""The tab "Combination": each version alone, all together by a rule, and what each adds; for everyone and by group."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from analysis.contracts.findings import CASCADE, Combination, CombinedFound, CombinedGroup
from analysis.contracts.metrics import PERCENT, Metric, metric_get
from analysis.contracts.report import Estimate
from analysis.contracts.wording import number_text
from apps.core import formats
from apps.core.errors import NotFound
from apps.core.web.views import page
from apps.evaluations import selectors
from apps.evaluations.contracts import Speech, change_signed, interval_text, unit_text, value_text
from apps.evaluations.contracts.together import share_verdict, together_verdict
from apps.evaluations.web.charts.curves import Chart
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import COMBINATION, tab_context
from apps.evaluations.web.listing import Heading, csv_lines, listing_make
from apps.evaluations.web.rows import metric_label

CSV_HEAD: Final = (
    "group",
    "segment",
    "protected",
    "rows",
    "rule",
    "metric",
    "what",
    "member",
    "value",
    "low",
    "high",
    "method",
    "n",
    "p",
    "p_adjusted",
    "note",
)
WORDS: Final = {
    "better": ("better", "adds"),
    "worse": ("worse", "takes away"),
    "not proven": ("not proven", "not proven"),
    "not enough data": ("not enough data", "not enough data"),
}


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One version for everyone."""

    name: str
    alone: str
    alone_ends: str
    adds: str
    adds_ends: str
    share: str
    share_ends: str
    answers: str
    state: str
    word: str
    css: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: all together, what that gains over the first alone, and what each adds to the others."""

    one: CombinedGroup
    n: str
    first: str
    together: str
    ends: str
    gain: str
    gain_ends: str
    adds: list[dict[str, str]]


def names_of(found: Combination) -> list[str]:
    """ "version 3" where all are of one model, else "model 3"."""
    parts = [one.name.rpartition(" ") for one in found.members]
    if len({model for model, _, _ in parts}) == 1:
        return [f"version {number}" for _, _, number in parts]
    return [one.name for one in found.members]


@page
@require_GET
def evaluation_combination(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict, the members with a chart, and the groups; rule and metric come from the address."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    context, report, speech = tab_context(request, evaluation, COMBINATION)
    findings = selectors.findings_of(evaluation)
    found = findings.combination if findings is not None else None
    if found is None:
        wanted = {"version_id": str(evaluation.model_version_id)}
        return render(request, "evaluations/combination_none.html", context | wanted)
    rule = _wanted(request, "by", [one.code for one in found.rules])
    held = [one.metric for one in found.groups[0].results if one.rule == rule] or list(found.metrics)
    metric = metric_get(_wanted(request, "metric", held))
    names = names_of(found)
    listing = listing_make(
        request, found.groups, _heads(metric.name, rule), words=lambda one: one.label, default="group"
    )
    result = found.groups[0].result(rule, metric.name)
    answered = dict(zip(names, found.groups[0].answered, strict=False)) if rule == CASCADE else {}
    context |= {
        "found": found,
        "names": names,
        "verdict": together_verdict(found, rule, metric.name, names, speech),
        "rules": [{"code": one.code, "name": one.name, "current": one.code == rule} for one in found.rules],
        "rule": next(one for one in found.rules if one.code == rule),
        "metric_label": metric_label(metric, speech),
        "metric_unit": unit_text(metric, speech.currency),
        "change_unit": unit_text(metric, speech.currency, change=True),
        "metrics": [
            {"name": name, "label": metric_label(metric_get(name), speech), "current": name == metric.name}
            for name in held
        ],
        "members": _members(result, found.groups[0], metric, names, answered) if result is not None else [],
        "together": _ends(result.together, metric) if result is not None else None,
        "without": _ends(result.without, metric) if result is not None else None,
        "chart": _chart(result, metric, names, metric_label(metric, speech), speech) if result is not None else None,
        "listing": listing,
        "rows": [_group(one, rule, metric) for one in listing.rows],
        "cascade": rule == CASCADE,
        "level": round(100 * report.level),
        "same": found.row_digest == evaluation.row_digest,
        "better": "above" if metric.higher_is_better else "below",
    }
    return render(request, "evaluations/combination.html", context)


def _wanted(request: HttpRequest, name: str, held: list[str]) -> str:
    """What the address names, else the first that there is."""
    given = request.GET.get(name, "")
    return given if given in held else held[0]


def _heads(metric: str, rule: str) -> tuple[Heading[CombinedGroup], ...]:
    def value(part: str) -> Any:
        def of(group: CombinedGroup) -> float | None:
            result = group.result(rule, metric)
            estimate: Estimate | None = getattr(result, part) if result is not None else None
            return estimate.value if estimate is not None else None

        return of

    def first(group: CombinedGroup) -> float | None:
        result = group.result(rule, metric)
        return result.members[0].alone.value if result is not None else None

    return (
        Heading("group", "Segment"),
        Heading("n", "Rows", lambda one: one.n, "n"),
        Heading("first", "First alone", first, "n"),
        Heading("together", "Together", value("together"), "n"),
        Heading("interval", "Interval", None, "ci"),
        Heading("gain", "Gain", value("gain"), "n", "All together less the first alone."),
        Heading("gain_interval", "Interval", None, "ci"),
    )


def _members(
    result: CombinedFound, group: CombinedGroup, metric: Metric, names: list[str], answered: dict[str, float]
) -> list[MemberRow]:
    rows = []
    for name, share in zip(names, result.members, strict=True):
        verdict = share_verdict(share, group, metric)
        state, word = WORDS[verdict]
        alone, adds = _ends(share.alone, metric), _change(share.leave_one_out, metric)
        shapley = _change(share.shapley, metric)
        part = answered.get(name)
        rows.append(
            MemberRow(
                name=name,
                alone=alone[0],
                alone_ends=alone[1],
                adds=adds[0],
                adds_ends=adds[1],
                share=shapley[0],
                share_ends=shapley[1],
                answers="" if part is None else f"{number_text(100 * part, 1)} %",
                state=state,
                word=word,
                css={"better": "fw-better", "worse": "fw-worse"}.get(verdict, ""),
            )
        )
    return rows


def _ends(one: Estimate, metric: Metric) -> tuple[str, str]:
    return value_text(metric, one.value), interval_text(metric, one.low, one.high)


def _change(one: Estimate, metric: Metric) -> tuple[str, str]:
    return change_signed(metric, one.value), interval_text(metric, one.low, one.high, change=True)


def _group(one: CombinedGroup, rule: str, metric: Metric) -> GroupRow:
    result = one.result(rule, metric.name)
    if result is None:
        return GroupRow(one, formats.num(one.n) if one.n is not None else "", "", "", "", "", "", [])
    together, gain = _ends(result.together, metric), _change(result.gain, metric)
    adds = []
    for share in result.members:
        verdict = share_verdict(share, one, metric)
        text, ends = _change(share.leave_one_out, metric)
        css = {"better": "fw-better", "worse": "fw-worse"}.get(verdict, "")
        adds.append({"text": text, "ends": ends, "css": css, "word": WORDS[verdict][1]})
    first = value_text(metric, result.members[0].alone.value)
    return GroupRow(one, formats.num(one.n or 0), first, *together, *gain, adds)


def _chart(result: CombinedFound, metric: Metric, names: list[str], label: str, speech: Speech) -> Chart | None:
    """The Shapley share and what is lost without each, with intervals; None where there is no number."""
    scale = 100 if metric.unit == PERCENT else 1
    if any(share.shapley.value is None for share in result.members):
        return None
    unit = unit_text(metric, speech.currency, change=True)
    traces = []
    for title, part, colour, symbol in (
        ("Shapley share", "shapley", "$candidate", "circle"),
        ("Adds to the others", "leave_one_out", "$live", "diamond"),
    ):
        numbers: list[Estimate] = [getattr(share, part) for share in result.members]
        values = [scale * (one.value or 0.0) for one in numbers]
        highs = [scale * (one.high if one.high is not None else one.value or 0.0) for one in numbers]
        lows = [scale * (one.low if one.low is not None else one.value or 0.0) for one in numbers]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": title,
                "x": values,
                "y": names,
                "marker": {"color": colour, "size": 9, "symbol": symbol},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [high - value for high, value in zip(highs, values, strict=True)],
                    "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
                    "color": colour,
                    "thickness": 1.5,
                    "width": 0,
                },
                "hovertemplate": f"{title}, %{{y}}: %{{x:.3~f}}<extra></extra>",
            }
        )
    line = {"color": "$text-3", "width": 1}
    layout = {
        "height": 96 + 44 * len(names),
        "xaxis": {"title": {"text": f"{label}, {unit}" if unit else label}, "zeroline": False},
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
        "shapes": [{"type": "line", "x0": 0, "x1": 0, "yref": "paper", "y0": 0, "y1": 1, "line": line}],
        "showlegend": True,
        "margin": {"t": 36},
    }
    rows = [
        [name, *_change(share.shapley, metric), *_change(share.leave_one_out, metric)]
        for name, share in zip(names, result.members, strict=True)
    ]
    side = "right" if metric.higher_is_better else "left"
    return Chart(
        "shares",
        f"What each version adds to {label.lower() if not label[:2].isupper() else label}",
        {"data": traces, "layout": layout},
        ["Version", "Shapley share", "Interval", "Adds to the others", "Interval"],
        rows,
        f"Further {side} of zero is better. Shares sum to all together less no model at all.",
    )


@page
@require_GET
def combination_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every rule, metric and group in full precision."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    found = findings.combination if findings is not None else None
    if found is None:
        raise NotFound("No further version was asked to answer together with this one.")
    lines: list[tuple[Any, ...]] = []
    for group in found.groups:
        head = (group.key, group.segment, group.protected, group.n)
        if group.barred is not None:
            lines.append((*head, *[""] * (len(CSV_HEAD) - len(head) - 1), f"hidden: {group.barred}"))
        for result in group.results:
            lines += [(*head, result.rule, result.metric, *line) for line in _lines(result, found, group.thin or "")]
    return file_response(evaluation, "combination", "csv", csv_lines(CSV_HEAD, lines))


def _lines(result: CombinedFound, found: Combination, note: str) -> list[tuple[Any, ...]]:
    def line(what: str, member: str, one: Estimate, p: float | None = None, adjusted: float | None = None) -> Any:
        numbers = (one.value, one.low, one.high, one.method or "", one.n)
        return (what, member, *numbers, p, adjusted, one.undefined or note)

    rows = [line(what, "", getattr(result, what)) for what in ("together", "without", "gain")]
    for member, share in zip(found.members, result.members, strict=True):
        rows.append(line("alone", member.name, share.alone))
        rows.append(line("leave_one_out", member.name, share.leave_one_out, share.p, share.p_adjusted))
        rows.append(line("shapley", member.name, share.shapley))
    return rows
