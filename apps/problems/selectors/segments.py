"""Segments and what they mean in a version."""

from __future__ import annotations

from django.db.models import QuerySet

from analysis.contracts.segments import Bands, SegmentSpec, Support
from apps.core.actors import Actor
from apps.problems.models import Problem, ProblemVersion, Segment, SegmentVersion
from apps.problems.selectors.versions import version_current


def segment_list(actor: Actor, problem: Problem) -> QuerySet[SegmentVersion]:
    """Every version of every segment of a problem, newest first per segment."""
    return (
        SegmentVersion.objects.filter(segment__problem=problem, segment__in=Segment.objects.visible_to(actor))
        .select_related("segment")
        .order_by("segment_id", "-number")
    )


def segments_of(version: ProblemVersion, *, in_force: bool | None = None) -> list[SegmentVersion]:
    """The segment versions that hold for a problem version.

    `in_force` spares a query when the caller knows whether this is the accepted version that holds now.

    For the accepted version that holds now: the sealed ones of today, also those made since it was accepted.
    For a draft or an older version: the ones it was written with.
    """
    rows = SegmentVersion.objects.select_related("segment").order_by("segment_id", "id")
    if version.state == ProblemVersion.State.SEALED:
        if in_force is None:
            current = version_current(version.problem)
            in_force = current is not None and current.pk == version.pk
        if in_force:
            return list(
                rows.filter(
                    segment__problem_id=version.problem_id,
                    segment__archived_at__isnull=True,
                    state=SegmentVersion.State.SEALED,
                )
            )
    return list(rows.filter(pk__in=version.segment_versions.values("pk")))


def segments_by_name(version: ProblemVersion) -> dict[str, SegmentVersion]:
    """`segments_of` by lower-case name."""
    return {s.segment.name.lower(): s for s in segments_of(version)}


def spec_of(segment: SegmentVersion, version: ProblemVersion) -> SegmentSpec:
    """A segment version as jobs see it; its own least support, else the problem version's."""
    return SegmentSpec(
        id=str(segment.pk),
        name=segment.segment.name,
        expression=segment.expression,
        bands=Bands.from_json(segment.bands) if segment.bands else None,
        purpose=segment.purpose,
        least_support=Support.from_json(segment.least_support or version.least_support),
    )


def segment_specs(version: ProblemVersion, *, in_force: bool | None = None) -> list[SegmentSpec]:
    """The segments of a problem version as jobs see them; `in_force` as in `segments_of`."""
    return [spec_of(segment, version) for segment in segments_of(version, in_force=in_force)]
