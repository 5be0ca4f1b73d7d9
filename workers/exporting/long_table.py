"""The report as one long Parquet table: a row for each group, metric and side, in full precision."""

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Group
from analysis.report import OK, SUPPRESSED, THIN, UNDEFINED
from workers.contracts.exports import RENDERER
from workers.exporting.behaved import behaviour_rows
from workers.exporting.evidence import Evidence

COLUMNS: Final = (
    ("group", pa.string()),
    ("label", pa.string()),
    ("segment", pa.string()),
    ("level", pa.string()),
    ("depth", pa.int8()),
    ("protected", pa.bool_()),
    ("rows", pa.int64()),
    ("positives", pa.int64()),
    ("negatives", pa.int64()),
    ("state", pa.string()),
    ("side", pa.string()),
    ("metric", pa.string()),
    ("metric_label", pa.string()),
    ("unit", pa.string()),
    ("higher_is_better", pa.bool_()),
    ("value", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("denominator", pa.int64()),
    ("method", pa.string()),
    ("p", pa.float64()),
    ("p_adjusted", pa.float64()),
    ("verdict", pa.string()),
    ("reason", pa.string()),
)
"""Names and types; `docs/user/exports.md` says what each holds."""
CANDIDATE: Final = "candidate"
BASELINE: Final = "baseline"
DIFFERENCE: Final = "difference"


def parquet_make(evidence: Evidence) -> bytes:
    """The file. Its schema's metadata name the evaluation, the versions, the data and the digests."""
    schema = pa.schema([pa.field(name, kind) for name, kind in COLUMNS], metadata=_metadata(evidence))
    rows = list(_rows(evidence))
    arrays = [pa.array([row.get(name) for row in rows], kind) for name, kind in COLUMNS]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), buffer, compression="zstd")
    return buffer.getvalue()


def _metadata(evidence: Evidence) -> dict[str, str]:
    facts, report = evidence.facts, evidence.report
    told = {
        "evaluation": facts.evaluation_id,
        "evaluation_number": str(facts.number),
        "problem": facts.problem,
        "candidate": facts.model,
        "candidate_id": facts.model_version_id,
        "candidate_digest": facts.model_digest,
        "baseline": facts.against,
        "data": facts.data,
        "data_digest": facts.data_digest,
        "row_digest": report.row_digest,
        "report_digest": facts.report_digest,
        "findings_digest": facts.findings_digest,
        "completed_at": facts.completed_at,
        "task": report.task,
        "level": repr(report.level),
        "currency": facts.currency,
        "renderer": str(RENDERER),
    }
    return {f"fairway:{key}": value for key, value in told.items()}


def _rows(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for group in evidence.report.groups:
        head = {
            "group": group.key,
            "label": group.label,
            "segment": "&".join(place.name for place in group.dimensions),
            "level": "&".join(place.level for place in group.dimensions),
            "depth": group.level,
            "protected": group.protected,
            "rows": group.n,
            "positives": group.positives,
            "negatives": group.negatives,
        }
        if group.suppressed is not None:
            yield {**head, "state": SUPPRESSED, "reason": group.suppressed}
            continue
        for row in _sides(group):
            metric = metric_get(row["metric"])
            named = {
                "metric_label": evidence.label(metric),
                "unit": metric.unit,
                "higher_is_better": metric.higher_is_better,
            }
            yield {**head, **named, **row}

    yield from behaviour_rows(evidence)


def _sides(group: Group) -> Iterator[dict[str, Any]]:
    thin = {"state": THIN, "reason": group.thin} if group.thin is not None else None
    for side, estimates in ((CANDIDATE, group.metrics), (BASELINE, group.baseline or {})):
        for name, one in estimates.items():
            state = {"state": OK if one.undefined is None else UNDEFINED, "reason": one.undefined}
            yield {
                **(thin or state),
                "side": side,
                "metric": name,
                "value": one.value,
                "low": one.low,
                "high": one.high,
                "denominator": one.n,
                "method": one.method,
            }
    for name, change in (group.paired.differences if group.paired is not None else {}).items():
        yield {
            **(thin or {"state": OK if change.value is not None else UNDEFINED, "reason": change.reason}),
            "side": DIFFERENCE,
            "metric": name,
            "value": change.value,
            "low": change.low,
            "high": change.high,
            "method": change.method,
            "p": change.p,
            "p_adjusted": change.p_adjusted,
            "verdict": change.verdict,
        }
