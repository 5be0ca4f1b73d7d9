"""The list of jobs."""

from __future__ import annotations

from typing import Any

from django.db.models import ExpressionWrapper, F, fields
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest
from django.urls import reverse

from apps.compute import selectors as compute
from apps.core.tables import BulkAction, ChoiceFilter, Column, DateFilter, Table, TextFilter
from apps.jobs.contracts import job_kind_find, job_kind_list
from apps.jobs.models import Job
from apps.problems import selectors as problems


def _kinds(request: HttpRequest | None) -> list[tuple[str, str]]:
    return [(kind.name, kind.title) for kind in job_kind_list()]


def _problems(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = problems.problem_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def _targets(request: HttpRequest | None) -> list[tuple[str, str]]:
    if request is None:
        return []
    rows = compute.target_list(request.actor).order_by("name", "id")  # type: ignore[attr-defined]
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:200]]


def kind_title(job: Job) -> str:
    """The kind in words."""
    kind = job_kind_find(job.kind)
    return kind.title if kind is not None else job.kind


def _seconds(job: Any) -> float | None:
    return job.took.total_seconds() if job.took is not None else None


def jobs_tabs(here: str) -> list[dict[str, object]]:
    """The tabs of the jobs' pages."""
    tabs = (("list", "List", "job-list"), ("board", "Queue board", "job-board"))
    return [{"label": label, "url": reverse(name), "current": key == here} for key, label, name in tabs]


TOOK = ExpressionWrapper(Coalesce(F("ended_at"), Now()) - F("started_at"), output_field=fields.DurationField())
"""Running time of a started job, so far or in all."""

JOBS = Table(
    key="jobs",
    columns=[
        Column("number", "Job", sort="number", numeric=True, format="num"),
        Column("title", "What", sort="title", link=True, wrap=True),
        Column("state", "State", sort="state", format="state"),
        Column("kind", "Kind", sort="kind", value=kind_title),
        Column("problem", "Problem", value=lambda job: getattr(job, "problem_name", "")),
        Column("by", "Launched by", sort="created_by_label", value="created_by_label"),
        Column("queued", "Queued", sort="id", value="created_at", format="ago"),
        Column("took", "Duration", sort="took", value=_seconds, format="duration", nullable=True),
        Column(
            "priority",
            "Priority",
            sort="priority",
            value=lambda job: job.get_priority_display(),
            default_visible=False,
        ),
        Column(
            "attempt", "Attempt", sort="attempt_number", format="num", value="attempt_number", default_visible=False
        ),
        Column("target", "Target", value=lambda job: job.target.name if job.target else "local", default_visible=False),
        Column("cause", "Cause", value="cause", wrap=True, default_visible=False),
    ],
    filters=[
        ChoiceFilter("state", "State", choices=Job.State.choices[1:]),
        ChoiceFilter("kind", "Kind", choices=_kinds),
        ChoiceFilter("problem", "Problem", choices=_problems, lookup="problem_id"),
        ChoiceFilter("target", "Target", choices=_targets, lookup="target_id"),
        TextFilter("q", "Find a job", ["title", "created_by_label"]),
        DateFilter("since", "Queued after", "created_at", "gte"),
    ],
    default_sort="-queued",
    select=True,
    bulk=[BulkAction("Cancel", "jobs-cancel", danger=True)],
    row_url=lambda job: reverse("job-detail", args=[job.pk]),
    label="Jobs",
    noun="job",
    empty_title="No job yet",
    empty_text="A job appears here when somebody uploads data, launches training or starts an evaluation.",
)


def problems_attach(request: HttpRequest) -> Any:
    """A `prepare` that names the problems of a page of jobs in one query."""

    def prepare(rows: list[Any]) -> None:
        wanted = {row.problem_id for row in rows if row.problem_id is not None}
        names = {}
        if wanted:
            found = problems.problem_list(request.actor).filter(pk__in=wanted)  # type: ignore[attr-defined]
            names = dict(found.values_list("pk", "name"))
        for row in rows:
            row.problem_name = names.get(row.problem_id, "")

    return prepare
