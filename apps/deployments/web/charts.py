"""Figures of the deployment page; plain dicts, drawn by `<plot-figure>`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from apps.core.formats import num
from apps.deployments.selectors import Traffic


def _range(traffic: Traffic) -> list[str]:
    width = traffic.buckets[1]["at"] - traffic.buckets[0]["at"]
    return [traffic.since.isoformat(), (traffic.buckets[-1]["at"] + width).isoformat()]


_BATCH_AXIS: dict[str, Any] = {
    "title": {"text": "rows of batch scores"},
    "rangemode": "tozero",
    "overlaying": "y",
    "side": "right",
    "showgrid": False,
}


def _batch_points(traffic: Traffic, at: list[str]) -> list[dict[str, Any]]:
    """Rows of batch scores on an axis of their own: a table of a million would flatten every call."""
    found = [(moment, bucket["batch"]) for moment, bucket in zip(at, traffic.buckets, strict=True) if bucket["batch"]]
    if not found:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [moment for moment, _ in found],
            "y": [rows for _, rows in found],
            "yaxis": "y2",
            "name": "rows of batch scores",
            "marker": {"color": "$candidate", "size": 9, "symbol": "diamond"},
        }
    ]


def score_figure(result: dict[str, Any]) -> dict[str, Any]:
    """How the answers of a batch score are distributed: rows by bin of the number, or by class."""
    if result["counts"]:
        edges = result["edges"]
        middles = [(low + high) / 2 for low, high in pairwise(edges)]
        bars = {"x": middles, "y": result["counts"], "width": edges[1] - edges[0]}
        title = result["of"]
    else:
        bars = {"x": [label for label, _ in result["labels"]], "y": [rows for _, rows in result["labels"]]}
        title = "class"
    return {
        "data": [{"type": "bar", **bars, "name": "rows", "marker": {"color": "$candidate"}}],
        "layout": {
            "height": 260,
            "bargap": 0.08,
            "showlegend": False,
            "yaxis": {"title": {"text": "rows"}, "rangemode": "tozero"},
            "xaxis": {"title": {"text": title}, **({} if result["counts"] else {"type": "category"})},
        },
    }


def score_rows(result: dict[str, Any]) -> list[list[str]]:
    """The same numbers as a table."""
    total = result["scored"] or 1
    if result["counts"]:
        spans = [f"{num(low)} to {num(high)}" for low, high in pairwise(result["edges"])]
        pairs = list(zip(spans, result["counts"], strict=True))
    else:
        pairs = [(label, rows) for label, rows in result["labels"]]
    return [[label, num(rows), f"{100 * rows / total:.1f} %"] for label, rows in pairs]


def volume_figure(traffic: Traffic) -> dict[str, Any]:
    """Answers and refusals per half hour."""
    at = [bucket["at"].isoformat() for bucket in traffic.buckets]
    good = [bucket["count"] - bucket["errors"] for bucket in traffic.buckets]
    bad = [bucket["errors"] for bucket in traffic.buckets]
    return {
        "data": [
            {"type": "bar", "x": at, "y": good, "name": "answered", "marker": {"color": "$live"}},
            {"type": "bar", "x": at, "y": bad, "name": "refused or failed", "marker": {"color": "$bad"}},
            *_batch_points(traffic, at),
        ],
        "layout": {
            **({"yaxis2": _BATCH_AXIS} if traffic.batch else {}),
            "barmode": "stack",
            "bargap": 0.15,
            "height": 220,
            "yaxis": {"title": {"text": "requests per half hour"}, "rangemode": "tozero"},
            "xaxis": {"type": "date", "range": _range(traffic), "title": {"text": "time (UTC)"}},
        },
    }


def latency_figure(traffic: Traffic) -> dict[str, Any]:
    """Median and 95th percentile of the latency per half hour, in milliseconds."""
    at = [bucket["at"].isoformat() for bucket in traffic.buckets]

    def line(key: str, name: str, colour: str, dash: str) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines+markers",
            "x": at,
            "y": [bucket[key] for bucket in traffic.buckets],
            "name": name,
            "line": {"color": colour, "width": 2, "dash": dash},
            "marker": {"size": 5},
            "connectgaps": False,
        }

    return {
        "data": [line("p50", "median", "$candidate", "solid"), line("p95", "95th percentile", "$live", "dot")],
        "layout": {
            "height": 220,
            "showlegend": True,
            "legend": {"orientation": "h", "y": 1.15},
            "yaxis": {"title": {"text": "milliseconds"}, "rangemode": "tozero"},
            "xaxis": {"type": "date", "range": _range(traffic), "title": {"text": "time (UTC)"}},
        },
    }


def traffic_rows(traffic: Traffic) -> list[list[str]]:
    """The same numbers as a table, half hours with requests or batch scores only."""
    return [
        [
            f"{bucket['at']:%d %b %H:%M}",
            num(bucket["count"]),
            num(bucket["errors"]),
            num(bucket["batch"]),
            num(bucket["p50"]) if bucket["p50"] is not None else "–",
            num(bucket["p95"]) if bucket["p95"] is not None else "–",
        ]
        for bucket in traffic.buckets
        if bucket["count"] or bucket["batch"]
    ]
