"""The job kind "profile": check an upload, write its canonical table, and describe its columns and
segments.
"""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workers.runner.columns import column_facts
from workers.runner.job import Job
from workers.runner.support import support_count
from workers.runner.tables import CanonicalFacts, canonical_of, canonical_write

SAMPLE = 100
OUTPUT = "table.parquet"
MAX_TEXT = 200


def run(job: Job) -> None:
    """Does a profile job. Raises BadInput for a file that cannot be taken, ApiError, Cancelled."""
    pa.set_cpu_count(job.cores)
    table = job.spec["table"]
    if job.spec.get("purpose") == "support":
        segments, crossings = _support(job, canonical_of(job, table))
        job.client.results({"segments": segments, "crossings": crossings})
        job.progress(1.0, f"Counted {len(segments)} segments")
        return
    job.progress(0.02, f"Fetching {int(table['size'])} bytes")
    source = job.fetch(table, "upload")
    job.progress(0.1, "Checking the file and finding the types of its columns")
    target = job.directory / OUTPUT
    facts = canonical_write(source, str(table["format"]), target)
    os.unlink(source)
    job.progress(0.4, f"{facts.rows} rows, {len(facts.types)} columns; describing the columns")
    described = []
    for index, (name, kind) in enumerate(facts.types.items()):
        described.append(column_facts(target, name, kind, facts.rows))
        if index % 20 == 19:
            job.progress(0.4 + 0.4 * (index + 1) / len(facts.types), f"{index + 1} columns described")
    segments, crossings = _support(job, target)
    job.progress(0.9, "Storing the canonical table")
    job.client.output(OUTPUT, target)
    payload = {
        "row_count": facts.rows,
        "columns": described,
        "segments": segments,
        "crossings": crossings,
        "sample": _sample(target, facts),
    }
    job.client.results(payload)
    job.progress(1.0, f"Profiled {facts.rows} rows")


def _support(job: Job, path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    job.progress(None, "Counting the rows of each segment")
    spec = job.spec
    return support_count(path, spec.get("segments") or [], spec.get("target"), spec.get("positive_label"))


def _sample(path: Path, facts: CanonicalFacts) -> dict[str, Any]:
    """The first rows, as they are shown: long texts cut, dates as ISO text."""
    batch = next(pq.ParquetFile(path).iter_batches(SAMPLE, columns=list(facts.types), use_threads=False))
    rows = [[_shown(value) for value in row.values()] for row in batch.to_pylist()]
    return {"columns": list(facts.types), "rows": rows}


def _shown(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return value[:MAX_TEXT] + "..."
    return value
