"""The tab "Flips": who was answered rightly before and is answered wrongly now, by segment, and the rows behind it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from analysis.contracts.findings import Flip, Flips
from analysis.contracts.report import OVERALL, Estimate, Group, Report
from analysis.contracts.wording import number_text, significant_text
from apps.core import formats
from apps.core.actors import Actor
from apps.core.blobs import blob_open
from apps.core.errors import NotFound
from apps.core.policies import require
from apps.core.web.views import page
from apps.evaluations import policies, selectors
from apps.evaluations.contracts import Speech
from apps.evaluations.contracts.found import flip_verdict, flips_verdict
from apps.evaluations.models import Evaluation
from apps.evaluations.web.exports import file_response
from apps.evaluations.web.frame import FLIPS, tab_context
from apps.evaluations.web.listing import Heading, csv_lines, listing_make
from apps.evaluations.web.slices import p_text

NEGATIVE: Final = "negative"
POSITIVE: Final = "positive"
CSV_HEAD: Final = (
    "group",
    "segment",
    "protected",
    "rows",
    "right_before_wrong_now",
    "wrong_before_right_now",
    "net",
    "net_low",
    "net_high",
    "of_right_before",
    "p",
    "p_corrected",
    "reason",
    "weight",
    "weight_right_before_wrong_now",
    "weight_wrong_before_right_now",
)
_ORDER: Final = {"worse": 0, "not proven": 1, "better": 2}


def _place(one: Flip) -> tuple[int, int, float]:
    """Everyone, then proven harm, the largest first; thin and hidden groups last."""
    return (0 if one.key == OVERALL else 1, _ORDER.get(flip_verdict(one), 3), one.difference.value or 0.0)


HEADS: Final[tuple[Heading[Flip], ...]] = (
    Heading("group", "Group", lambda one: one.label),
    Heading("rows", "Rows", lambda one: one.n, "n"),
    Heading("negative", "Right before, wrong now", lambda one: one.negative, "n"),
    Heading("positive", "Wrong before, right now", lambda one: one.positive, "n"),
    Heading("net", "Net, points", lambda one: one.difference.value, "n", "Change of the share that is right."),
    Heading("interval", "Interval", None, "ci"),
    Heading("p", "p, corrected", lambda one: one.p_adjusted, "n"),
    Heading("finding", "Finding", _place),
)


@dataclass(frozen=True, slots=True)
class FlipRow:
    """A group as the table shows it; urls lead to its rows."""

    one: Flip
    verdict: str
    net: str
    interval: str
    p: str
    negative_url: str
    positive_url: str
    mass: str = ""
    negative_mass: str = ""
    positive_mass: str = ""


@page
@require_GET
def evaluation_flips(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Verdict, then the table of groups."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    context, report, speech = tab_context(request, evaluation, FLIPS)
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.flips is None:
        wanted = {"wanted": "Flips", "why": _why_none(report)}
        return render(request, "evaluations/findings_none.html", context | wanted)
    flips = findings.flips
    may_see = policies.evaluation_rows(request.actor, evaluation.team_id)  # type: ignore[attr-defined]
    listing = listing_make(
        request, flips.groups, HEADS, words=lambda one: f"{one.label} {one.segment}", default="finding"
    )
    everyone = flips.group(OVERALL)
    context |= {
        "flips": flips,
        "verdict": flips_verdict(flips, speech),
        "kpis": _kpis(everyone, speech) if everyone is not None and everyone.barred is None else [],
        "listing": listing,
        "rows": [_row(one, evaluation, may_see=may_see) for one in listing.rows],
        "may_see": may_see,
        "level": round(100 * report.level),
    }
    return render(request, "evaluations/flips.html", context)


def _why_none(report: Report) -> str:
    if not report.has_baseline:
        return "There was no other version on the same rows to compare it with."
    return "A predicted number is right or wrong only within a tolerance, and none was stated."


def _kpis(one: Flip, speech: Speech) -> list[dict[str, str]]:
    before = speech.baseline
    return [
        {
            "label": "Spoiled",
            "value": formats.num(one.negative),
            "small": f"right under {before}, wrong now",
            "tone": "worse",
        },
        {
            "label": "Mended",
            "value": formats.num(one.positive),
            "small": f"wrong under {before}, right now",
            "tone": "better",
        },
        {
            "label": "Of what was right",
            "value": f"{_percent(one.of_right.value)} %",
            "small": f"is wrong now {_ends(one.of_right)}{'' if one.mass is None else ', weighted'}",
        },
    ]


def _row(one: Flip, evaluation: Evaluation, *, may_see: bool) -> FlipRow:
    def url(kind: str, count: int | None) -> str:
        return rows_url(evaluation.pk, one.key, kind) if may_see and count else ""

    net = one.difference
    told = net.value is not None and one.barred is None
    return FlipRow(
        one=one,
        verdict=flip_verdict(one),
        net=formats.signed(_percent(net.value)) if told else "",
        interval=_ends(net, signed=True) if told else "",
        p=p_text(one.p_adjusted),
        negative_url=url(NEGATIVE, one.negative),
        positive_url=url(POSITIVE, one.positive),
        mass=_mass(one.mass),
        negative_mass=_mass(one.negative_mass),
        positive_mass=_mass(one.positive_mass),
    )


def _mass(weight: float | None) -> str:
    return "" if weight is None else significant_text(weight)


def _percent(value: float | None) -> str:
    return formats.UNDEFINED if value is None else number_text(100 * value, 1)


def _ends(estimate: Estimate, *, signed: bool = False) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    ends = [_percent(estimate.low), _percent(estimate.high)]
    return f"[{', '.join(formats.signed(end) if signed else end for end in ends)}]"


def rows_url(pk: uuid.UUID, key: str, kind: str) -> str:
    """The page of a group's flipped rows."""
    return f"{reverse('evaluation-flip-rows', args=[pk])}?{urlencode({'key': key, 'kind': kind})}"


def flips_of_group(actor: Actor, evaluation: Evaluation, group: Group) -> dict[str, Any] | None:
    """How many rows of a group flipped, with the addresses of their lists for who may see rows; None where nothing may
    be told.
    """
    findings = selectors.findings_of(evaluation)
    flip = findings.flips.group(group.key) if findings is not None and findings.flips is not None else None
    if flip is None or flip.barred is not None:
        return None
    urls = {kind: rows_url(evaluation.pk, group.key, kind) for kind in (NEGATIVE, POSITIVE)}
    listed = bool(evaluation.flips_sha256) and policies.evaluation_rows(actor, evaluation.team_id)
    return {"negative": flip.negative, "positive": flip.positive, "listed": listed, "urls": urls}


@page
@require_GET
def flip_rows(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The rows of a group that flipped, the gravest first; protected values, keys and ids are masked.

    For who may see rows; a group that is hidden has none.
    """
    actor = request.actor  # type: ignore[attr-defined]
    evaluation = selectors.evaluation_get(actor, pk)
    require(
        policies.evaluation_rows(actor, evaluation.team_id),
        "Single rows are shown to data scientists, product owners and operators of the team.",
    )
    context, _, speech = tab_context(request, evaluation, FLIPS)
    findings = selectors.findings_of(evaluation)
    key = request.GET.get("key", OVERALL)
    kind = POSITIVE if request.GET.get("kind") == POSITIVE else NEGATIVE
    group = findings.flips.group(key) if findings is not None and findings.flips is not None else None
    if group is None or group.barred is not None or not evaluation.flips_sha256:
        raise NotFound("There are no rows of such a group.")
    columns, rows = _rows_read(evaluation, speech, key, kind)
    heads: list[Heading[tuple[Any, ...]]] = [
        Heading(str(at), name, _value_at(at), "n" if _numeric(rows, at) else "") for at, name in enumerate(columns)
    ]
    listing = listing_make(
        request, rows, heads, words=lambda row: " ".join(str(one) for one in row if one is not None), default=""
    )
    count = group.negative if kind == NEGATIVE else group.positive
    context |= {
        "group": group,
        "kind": kind,
        "listing": listing,
        "numeric": [head.css for head in heads],
        "rows": [[(_cell(value), head.css) for value, head in zip(row, heads, strict=True)] for row in listing.rows],
        "total": count or 0,
        "kinds": [
            {"url": rows_url(pk, key, one), "label": word, "current": one == kind}
            for one, word in ((NEGATIVE, "Right before, wrong now"), (POSITIVE, "Wrong before, right now"))
        ],
    }
    return render(request, "evaluations/flip_rows.html", context)


def _rows_read(evaluation: Evaluation, speech: Speech, key: str, kind: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns in the problem's words, and the listed rows of a group."""
    with blob_open(evaluation.flips_sha256) as handle:
        data = json.loads(handle.read())
    words = {"positive": speech.positive_word or "positive", "negative": speech.negative_word or "negative"}
    said = [at for at, name in enumerate(data["columns"]) if name == "record" or name.endswith(" says")]
    names = [
        name.replace("baseline", speech.baseline, 1).replace("candidate", speech.candidate, 1)
        if name.startswith(("baseline ", "candidate "))
        else name
        for name in data["columns"]
    ]
    rows = []
    for place in data["groups"].get(key, {}).get(kind, []):
        row = data["rows"][place]
        rows.append(tuple(words.get(value, value) if at in said else value for at, value in enumerate(row)))
    return names, rows


def _value_at(at: int) -> Any:
    return lambda row: row[at]


def _numeric(rows: list[tuple[Any, ...]], at: int) -> bool:
    return any(isinstance(row[at], int | float) and not isinstance(row[at], bool) for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return formats.UNDEFINED
    if isinstance(value, bool):
        return "true" if value else "false"
    return formats.num(value) if isinstance(value, float) else str(value)


@page
@require_GET
def flips_csv(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every group in full precision; hidden ones with their reason and no number."""
    evaluation = selectors.evaluation_get(request.actor, pk)  # type: ignore[attr-defined]
    findings = selectors.findings_of(evaluation)
    if findings is None or findings.flips is None:
        raise NotFound("This evaluation holds no flips.")
    return file_response(evaluation, "flips", "csv", csv_lines(CSV_HEAD, _csv_rows(findings.flips)))


def _csv_rows(flips: Flips) -> list[tuple[Any, ...]]:
    return [
        (
            one.label,
            one.segment,
            one.protected,
            one.n,
            one.negative,
            one.positive,
            one.difference.value,
            one.difference.low,
            one.difference.high,
            one.of_right.value,
            one.p,
            one.p_adjusted,
            one.barred or one.thin or "",
            one.mass,
            one.negative_mass,
            one.positive_mass,
        )
        for one in flips.groups
    ]
