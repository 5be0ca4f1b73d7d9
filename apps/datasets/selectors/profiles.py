"""What a version's profile means: for training, for the split, for the support of segments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.contracts.segments import PARTS, SegmentSpec, SplitSpec, Support
from apps.core.errors import Conflict
from apps.datasets.contracts import ColumnRole
from apps.datasets.models import DatasetVersion, SegmentSupport
from apps.problems import selectors as problems


def training_facts(version: DatasetVersion) -> dict[str, Any]:
    """What a training or evaluation job needs to know: target, features, id_column,
    weight_column, query_column, table, split.

    `target` is None while no column has that role. Raises Conflict unless the version is sealed and its bytes are here.
    """
    if version.state != DatasetVersion.State.SEALED:
        raise Conflict(f"“{version}” is {version.get_state_display()}, not sealed.", code="not_sealed")
    if version.purged_at is not None:
        raise Conflict(f"The bytes of “{version}” were removed.", code="purged")
    by_role: dict[str, list[dict[str, Any]]] = {}
    for column in version.schema:
        by_role.setdefault(column["role"], []).append(column)

    def one(role: ColumnRole) -> str | None:
        found = by_role.get(role, [])
        return str(found[0]["name"]) if found else None

    return {
        "target": one(ColumnRole.TARGET),
        "features": [{"name": c["name"], "type": c["type"]} for c in by_role.get(ColumnRole.FEATURE, [])],
        "id_column": one(ColumnRole.ID),
        "weight_column": one(ColumnRole.WEIGHT),
        "query_column": one(ColumnRole.QUERY),
        "table": {"sha256": version.table_sha256, "size": version.table_size, "format": "parquet"},
        "split": version.split,
    }


def column_profile(version: DatasetVersion, name: str) -> dict[str, Any] | None:
    """The profile of one column; None when there is none."""
    columns = (version.profile or {}).get("columns", [])
    return next((c for c in columns if c.get("name") == name), None)


def split_counts(version: DatasetVersion) -> dict[str, int]:
    """Rows per part to be expected from the shares; the exact ones follow from the hash of each row."""
    split = SplitSpec.from_json(version.split or {"fractions": {"train": 1.0}})
    rows = version.row_count or 0
    return {part: round(rows * share) for part, share in zip(PARTS, split.fractions, strict=True)}


def segments_digest(specs: Iterable[SegmentSpec]) -> str:
    """Names a set of segment versions."""
    return hashlib.sha256(",".join(sorted(spec.id for spec in specs)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One group of one segment, or of a crossing of two, with its rows in a version."""

    segment: str
    label: str
    n: int
    share: float
    least: int
    protected: bool
    thin: str
    """Why nothing can be concluded about the group; empty when there is enough data."""


@dataclass(frozen=True, slots=True)
class SupportReport:
    """The support of the problem's present segments in a version."""

    counted: bool
    """False when the present segments were never counted in this version."""
    rows: list[SegmentRow]
    crossings: list[SegmentRow]
    errors: list[tuple[str, str]]
    """Segments that do not fit the table: (name, why)."""

    @property
    def thin(self) -> list[SegmentRow]:
        """Groups of single segments below their least support."""
        return [row for row in self.rows if row.thin]


def support_report(version: DatasetVersion) -> SupportReport:
    """Rows per group of the segments that hold today, newest count first; empty without a problem or a profile."""
    specs = _specs_of(version)
    if not specs:
        return SupportReport(True, [], [], [])
    kept = SegmentSupport.objects.filter(version=version, segments_digest=segments_digest(specs)).first()
    if kept is None:
        return SupportReport(False, [], [], [])
    by_id = {spec.id: spec for spec in specs}
    rows: list[SegmentRow] = []
    errors: list[tuple[str, str]] = []
    for found in kept.segments:
        spec = by_id.get(str(found.get("id")))
        if spec is None:
            continue
        if found.get("error"):
            errors.append((spec.name, str(found["error"])))
        rows.extend(
            _row(version, spec.name, str(group["label"]), group, spec.least_support, spec.protected)
            for group in found.get("groups", [])
        )
    crossings: list[SegmentRow] = []
    for found in kept.crossings:
        pair = [by_id[i] for i in map(str, found.get("ids", [])) if i in by_id]
        if len(pair) != 2:
            continue
        least = pair[0].least_support.both(pair[1].least_support)
        crossings.extend(
            _row(
                version,
                " × ".join(spec.name for spec in pair),
                " × ".join(map(str, group["labels"])),
                group,
                least,
                any(spec.protected for spec in pair),
            )
            for group in found.get("groups", [])
        )
    return SupportReport(True, rows, crossings, errors)


def _row(
    version: DatasetVersion, segment: str, label: str, group: Mapping[str, Any], least: Support, protected: bool
) -> SegmentRow:
    n = int(group.get("n", 0))
    why = ""
    for key, floor in (("n", least.rows), ("positives", least.positives), ("negatives", least.negatives)):
        count = group.get(key)
        if count is not None and count < floor and not why:
            word = "" if key == "n" else f" {key}"
            why = f"not enough data (n = {count}{word}, {floor} needed)"
    return SegmentRow(
        segment, label, n, n / version.row_count if version.row_count else 0.0, least.rows, protected, why
    )


def _specs_of(version: DatasetVersion) -> list[SegmentSpec]:
    problem = version.dataset.problem
    if problem is None:
        return []
    current = problems.version_current(problem)
    agreed = current or problems.version_open(problem)
    return problems.segment_specs(agreed, in_force=current is not None) if agreed is not None else []


def verdict_of(version: DatasetVersion, support: SupportReport) -> tuple[str, str, str]:
    """(tone, headline, sentence) for the top of a sealed version's page."""
    columns = (version.profile or {}).get("columns", [])
    missing = sum(int(c.get("missing") or 0) for c in columns)
    cells = (version.row_count or 0) * len(columns)
    if missing == 0:
        holes = "no value is missing"
    else:
        share = 100 * missing / cells if cells else 0
        holes = f"{share:.1f} % of the values are missing" if share >= 0.05 else "a few values are missing"
    roles = {c["role"] for c in version.schema}
    if version.dataset.problem_id and ColumnRole.TARGET not in roles:
        return "warn", "No column has the role of the target", f"Say below which column holds the true answer; {holes}."
    if support.errors:
        name, why = support.errors[0]
        return "warn", f"The segment “{name}” does not fit these columns", f"{why}; {holes}."
    thin = support.thin
    if thin:
        first = thin[0]
        more = f" and {len(thin) - 1} more" if len(thin) > 1 else ""
        return (
            "warn",
            f"Not every segment has enough rows: {first.segment} {first.label}{more}",
            f"Nothing will be concluded about these groups; {holes}.",
        )
    if not support.counted:
        return "info", "Ready for training", f"The segments changed since the rows were counted; {holes}."
    if support.rows:
        return "good", "Every segment has its least support", f"Ready for training; {holes}."
    return "good", "Ready for training", f"{holes[:1].upper()}{holes[1:]}."
