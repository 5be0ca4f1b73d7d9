"""Figures of the deployment page; plain dicts, drawn by `<plot-figure>`."""

from __future__ import annotations

from typing import Any

from apps.core.formats import num
from apps.deployments.selectors import Traffic


def _range(traffic: Traffic) -> list[str]:
    width = traffic.buckets[1]["at"] - traffic.buckets[0]["at"]
    return [traffic.since.isoformat(), (traffic.buckets[-1]["at"] + width).isoformat()]


def volume_figure(traffic: Traffic) -> dict[str, Any]:
    """Answers and refusals per half hour."""
    at = [bucket["at"].isoformat() for bucket in traffic.buckets]
    good = [bucket["count"] - bucket["errors"] for bucket in traffic.buckets]
    bad = [bucket["errors"] for bucket in traffic.buckets]
    return {
        "data": [
            {"type": "bar", "x": at, "y": good, "name": "answered", "marker": {"color": "$live"}},
            {"type": "bar", "x": at, "y": bad, "name": "refused or failed", "marker": {"color": "$bad"}},
        ],
        "layout": {
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
    """The same numbers as a table, half hours with requests only."""
    return [
        [
            f"{bucket['at']:%d %b %H:%M}",
            num(bucket["count"]),
            num(bucket["errors"]),
            num(bucket["p50"]) if bucket["p50"] is not None else "–",
            num(bucket["p95"]) if bucket["p95"] is not None else "–",
        ]
        for bucket in traffic.buckets
        if bucket["count"]
    ]
