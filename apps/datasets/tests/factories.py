"""Data for tests, made by the services; profiles are what the child would report for the same rows."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

from django.db import transaction

from apps.accounts.models import Team
from apps.core.actors import Actor
from apps.core.blobs import blob_open, blob_write
from apps.datasets import services
from apps.datasets.models import Dataset, DatasetVersion
from apps.jobs.models import Job
from apps.problems.models import Problem

_count = itertools.count(1)
HEADER = ["released", "colour", "age", "employed", "checks"]


def rows_make(n: int = 240, seed: int = 0) -> list[list[str]]:
    """Rows of arrests with uneven groups, the same for the same seed."""
    rows = []
    for i in range(n):
        k = (i * 7919 + seed * 104729) % 1009
        rows.append(
            [
                "No" if k % 6 == 0 else "Yes",
                "Black" if k % 4 == 0 else "White",
                str(14 + k % 50),
                "No" if k % 5 == 0 else "Yes",
                str(k % 7),
            ]
        )
    return rows


def csv_bytes(rows: list[list[str]] | None = None, header: list[str] | None = None) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header or HEADER)
    writer.writerows(rows if rows is not None else rows_make())
    return out.getvalue().encode()


def dataset_make(actor: Actor, team: Team, problem: Problem | None = None, **fields: Any) -> Dataset:
    return services.dataset_create(
        actor=actor,
        team_id=team.pk,
        name=fields.pop("name", f"Arrests {next(_count)}"),
        problem_id=problem.pk if problem else None,
        **fields,
    )


def version_make(actor: Actor, dataset: Dataset, data: bytes | None = None, name: str = "a.csv") -> DatasetVersion:
    """A version whose profile job is queued."""
    content = data if data is not None else csv_bytes(rows_make(seed=next(_count)))
    return services.dataset_version_create_from_file(
        actor=actor, dataset_id=dataset.pk, filename=name, chunks=[content]
    )


def profile_of(version: DatasetVersion, segments: list[dict[str, Any]]) -> dict[str, Any]:
    """The profile of a small stored CSV, or of a table as MLflow logs it."""
    with blob_open(version.content_digest) as handle:
        text = handle.read().decode()
    if version.format == "json":
        table = json.loads(text)
        rows = [table["columns"], *([str(value) for value in row] for row in table["data"])]
    else:
        rows = list(csv.reader(io.StringIO(text)))
    header, body = rows[0], rows[1:]
    columns = [_column(name, [row[i] for row in body]) for i, name in enumerate(header)]
    groups = []
    for segment in segments:
        values = [row[header.index(segment["expression"])] for row in body]
        if segment["bands"]:
            edges, labels = segment["bands"]["edges"], segment["bands"]["labels"]
            values = [labels[sum(float(v) >= e for e in edges)] for v in values]
        groups.append(
            {
                "id": segment["id"],
                "groups": [{"label": label, "n": n} for label, n in sorted(Counter(values).items())],
                "error": None,
            }
        )
    return {
        "row_count": len(body),
        "columns": columns,
        "segments": groups,
        "crossings": [],
        "sample": {"columns": header, "rows": body[:20]},
    }


def _column(name: str, values: list[str]) -> dict[str, Any]:
    present = [v for v in values if v]
    counts = Counter(present)
    whole = all(v.lstrip("-").isdigit() for v in present)
    number = whole or all(v.lstrip("-").replace(".", "", 1).isdigit() for v in present)
    column: dict[str, Any] = {
        "name": name,
        "type": "INTEGER" if whole else "NUMBER" if number else "STRING",
        "missing": len(values) - len(present),
        "distinct": len(counts),
        "distinct_exact": True,
        "top": [[v, n] for v, n in counts.most_common(10)],
    }
    if number:
        numbers = sorted(int(v) if whole else float(v) for v in present)
        low, high = numbers[0], numbers[-1]
        step = max((high - low) / 10, 1)
        column |= {
            "min": low,
            "max": high,
            "mean": sum(numbers) / len(numbers),
            "std": 1.0,
            "quantiles": {name: numbers[int(len(numbers) * float(name))] for name in ("0.05", "0.5", "0.95")},
            "histogram": {
                "edges": [low + step * i for i in range(11)],
                "counts": [sum(low + step * i <= v < low + step * (i + 1) for v in numbers) for i in range(10)],
            },
        }
    return column


def profile_end(version: DatasetVersion, **changes: Any) -> DatasetVersion:
    """Take in the profile as if the job had ended well."""
    job = Job.objects.get(pk=version.job_id)
    result = profile_of(version, job.spec["segments"]) | changes
    ref = blob_write([b"PAR1 table of " + version.content_digest.encode()])
    with transaction.atomic():
        services.profile_finish(job, result, {"table.parquet": {"sha256": ref.sha256, "size": ref.size}})
        # An open job needs its bytes.
        Job.objects.filter(pk=job.pk).update(state="SUCCEEDED")
    version.refresh_from_db()
    return version


def version_sealed(actor: Actor, dataset: Dataset, data: bytes | None = None) -> DatasetVersion:
    """A version with its profile, ready for training."""
    return profile_end(version_make(actor, dataset, data))


def files_in(store: Path) -> list[str]:
    """Names of everything that is stored."""
    return sorted(str(p.relative_to(store)) for p in store.rglob("*") if p.is_file())
