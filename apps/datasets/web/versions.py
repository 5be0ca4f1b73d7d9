"""The page of a version: verdict, columns, support, sample, roles, split, and what may be done with it."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from apps.core.actors import Actor
from apps.core.errors import FairwayError, Forbidden, NotFound
from apps.core.files import file_response
from apps.core.tables.response import safe_cell
from apps.core.web.views import page
from apps.datasets import policies, selectors, services
from apps.datasets.contracts import ColumnRole, data_panel_list
from apps.datasets.models import DatasetVersion
from apps.datasets.web.charts import column_figure, spark_counts, values_text
from apps.datasets.web.forms import SplitForm, errors_show, split_initial
from apps.datasets.web.targets import target_of, targets_context
from apps.jobs import selectors as jobs
from apps.lineage import selectors as lineage

PER_PAGE = 100
SAMPLE_ROWS = 20
SAMPLE_COLUMNS = 50
MAX_CROSSINGS = 60
ROLE_WORDS = {
    ColumnRole.TARGET: "target",
    ColumnRole.FEATURE: "feature",
    ColumnRole.SEGMENT: "segment only",
    ColumnRole.ID: "id",
    ColumnRole.TIME: "time",
    ColumnRole.WEIGHT: "weight",
    ColumnRole.QUERY: "query",
    ColumnRole.IGNORED: "ignored",
}


@page
@require_safe
def version_detail_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A version in whatever state it is."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.dataset_version_get(actor, pk)
    return _respond(request, actor, version)


def _respond(
    request: HttpRequest,
    actor: Actor,
    version: DatasetVersion,
    *,
    split_form: SplitForm | None = None,
    status: int = 200,
) -> HttpResponse:
    may_edit = policies.data_may_edit(actor, version.team_id)
    context: dict[str, Any] = {
        "nav_key": "data",
        "version": version,
        "dataset": version.dataset,
        "may_edit": may_edit,
        "may_run": actor.can("job.run", version.team_id),
        "may_bring": actor.can("job.run", version.team_id) and actor.can("model.register", version.team_id),
        "menu": _menu(version, may_edit),
    }
    if version.profile is None:
        context["job"] = _job(actor, version)
        context |= targets_context(version.team_id, may=may_edit and version.error is not None)
        return render(request, "datasets/version_waiting.html", context, status=status)
    support = selectors.support_report(version)
    context |= {
        "purged_words": f"{version.purge_reason} Hash, columns and profile stay as a record; "
        "training on it is not possible any more.",
        "support": support,
        "verdict": selectors.verdict_of(version, support),
        "crossings": sorted(support.crossings, key=lambda row: row.n)[:MAX_CROSSINGS],
        "crossings_left": max(0, len(support.crossings) - MAX_CROSSINGS),
        "editable": may_edit and version.state == DatasetVersion.State.SEALED and version.cited_at is None,
        "roles": [(role.value, word) for role, word in ROLE_WORDS.items()],
        "split_form": split_form
        or SplitForm(initial=split_initial(version.split), columns=[c["name"] for c in version.schema]),
        "split_counts": selectors.split_counts(version),
        "used_by": lineage.nodes_linked(lineage.descendants_of(actor, "datasets.datasetversion", version.pk)[:50]),
        "python": python_snippet(version),
        "panels": _panels(request, actor, version),
        **_columns(request, version, support),
        **_sample(version),
    }
    return render(request, "datasets/version_detail.html", context, status=status)


def _panels(request: HttpRequest, actor: Actor, version: DatasetVersion) -> list[SafeString]:
    """The cards of rooms above."""
    found = ((panel.template, panel.context(actor, version)) for panel in data_panel_list())
    return [
        render_to_string(template, {**context, "version": version}, request=request)
        for template, context in found
        if context is not None
    ]


def _job(actor: Actor, version: DatasetVersion) -> Any:
    if version.job_id is None:
        return None
    try:
        return jobs.job_get(actor, version.job_id)
    except NotFound:
        return None


def _columns(request: HttpRequest, version: DatasetVersion, support: Any) -> dict[str, Any]:
    """One page of the columns, and the figure of the chosen one."""
    profiles = {c["name"]: c for c in (version.profile or {}).get("columns", [])}
    names = [c["name"] for c in version.schema]
    wanted = request.GET.get("column", "")
    given = request.GET.get("page", "")
    number = int(given) if given.isdigit() and len(given) < 4 else 1
    if wanted in profiles and not given:
        number = names.index(wanted) // PER_PAGE + 1 if wanted in names else 1
    pages = max(1, -(-len(names) // PER_PAGE))
    number = min(max(number, 1), pages)
    start = (number - 1) * PER_PAGE
    rows = []
    total = version.row_count or 0
    for index, column in enumerate(version.schema[start : start + PER_PAGE], start=start):
        found = profiles.get(column["name"], {})
        rows.append(
            {
                "index": index,
                "name": column["name"],
                "type": str(column["type"]).lower(),
                "role": column["role"],
                "role_word": ROLE_WORDS.get(column["role"], column["role"]),
                "counts": spark_counts(found),
                "values": values_text(found, total),
                "missing": found.get("missing") or 0,
                "distinct": found.get("distinct"),
                "exact": found.get("distinct_exact", True),
                "url": "?" + urlencode({"column": column["name"]}) + "#column",
            }
        )
    chosen = wanted if wanted in profiles else next(iter(profiles), "")
    return {
        "columns": rows,
        "column_pages": range(1, pages + 1) if pages > 1 else (),
        "column_page": number,
        "chosen": chosen,
        "figure": column_figure(profiles[chosen], total) if chosen else None,
        "missing_total": sum(int(c.get("missing") or 0) for c in profiles.values()),
    }


def _sample(version: DatasetVersion) -> dict[str, Any]:
    sample = (version.profile or {}).get("sample") or {}
    heads = list(sample.get("columns") or [])
    rows = list(sample.get("rows") or [])
    return {
        "sample_heads": heads[:SAMPLE_COLUMNS],
        "sample_rows": [row[:SAMPLE_COLUMNS] for row in rows[:SAMPLE_ROWS]],
        "sample_cut": max(0, len(heads) - SAMPLE_COLUMNS),
    }


def python_snippet(version: DatasetVersion) -> str:
    """How a notebook reads the uploaded bytes with a token of its owner."""
    address = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('api-dataset-version-file', args=[version.pk])}"
    readers = {"csv": "read_csv({})", "tsv": 'read_csv({}, sep="\\t")', "parquet": "read_parquet({})"}
    reader = readers.get(version.format, 'read_json({}, orient="split")')
    context = {"version": version, "address": address, "reader": reader.format("io.BytesIO(answer.content)")}
    return render_to_string("datasets/use_in_python.txt", context)


def _menu(version: DatasetVersion, may_edit: bool) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if version.profile is not None:
        url = reverse("dataset-version-profile-csv", args=[version.pk])
        items.append({"label": "Profile as CSV", "icon": "table", "url": url})
    kept = version.purged_at is None and (version.error or {}).get("bytes_kept", True)
    if kept:
        items.append(
            {"label": "Uploaded file", "icon": "download", "url": reverse("dataset-version-file", args=[version.pk])}
        )
    if not may_edit:
        return items
    if version.state == DatasetVersion.State.SEALED:
        items.append({"label": "Quarantine", "icon": "lock", "open": "quarantine", "bad": True})
    if version.state == DatasetVersion.State.QUARANTINED:
        items.append({"label": "Release", "icon": "lock-open", "open": "release"})
    if version.state in ("SEALED", "QUARANTINED"):
        items.append({"label": "Recall", "icon": "ban", "open": "recall", "bad": True})
    if version.profile is not None and version.purged_at is None:
        # The page of the house above that shows what would lose its ground.
        url = reverse("purge-dataset-version", args=[version.pk])
        items.append({"label": "Remove the bytes", "icon": "trash", "url": url, "bad": True})
    return items


@page
@require_POST
def version_roles_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Save the roles of the columns that were shown."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.dataset_version_get(actor, pk)
    roles: dict[str, str] = {}
    for index, column in enumerate(version.schema):
        given = request.POST.get(f"role-{index}")
        if given is not None and given != column["role"]:
            roles[column["name"]] = given
    row_version = request.POST.get("row_version", "")
    seen = int(row_version) if row_version.isdigit() and len(row_version) < 10 else None
    try:
        services.version_roles_save(actor=actor, version_id=pk, roles=roles, row_version=seen)
        messages.success(request, "The roles are saved.")
    except FairwayError as error:
        if error.status not in (400, 409):
            raise
        detail = " ".join(f"{name.removeprefix('roles.')}: {texts[0]}" for name, texts in error.fields.items())
        messages.error(request, f"{error.detail} {detail}".strip())
    return redirect(f"{reverse('dataset-version-detail', args=[pk])}#h-columns")


@page
@require_POST
def version_split_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Save the split; faults are shown at its fields."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.dataset_version_get(actor, pk)
    form = SplitForm(request.POST, columns=[c["name"] for c in version.schema])
    if form.is_valid():
        try:
            services.version_split_save(actor=actor, version_id=pk, **form.values())
            messages.success(request, "The split is saved.")
            return redirect(f"{reverse('dataset-version-detail', args=[pk])}#h-split")
        except FairwayError as error:
            if error.status not in (400, 409):
                raise
            errors_show(form, error)
    elif not policies.data_may_edit(actor, version.team_id):
        raise Forbidden("Data is written by a data scientist of the team.")
    return _respond(request, actor, version, split_form=form, status=422)


@page
@require_safe
def version_profile_csv_view(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """The profile, one line per column."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.dataset_version_get(actor, pk)
    if version.profile is None:
        raise NotFound("This version has no profile.")
    response = StreamingHttpResponse(_profile_lines(version), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="profile-{version.pk}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


class _Echo:
    def write(self, text: str) -> str:
        return text


def _profile_lines(version: DatasetVersion) -> Iterator[str]:
    facts = ("missing", "distinct", "min", "max", "mean", "std")
    quantiles = ("0.05", "0.25", "0.5", "0.75", "0.95")
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow(["name", "type", "role", "rows", *facts, *(f"q{q}" for q in quantiles)]))
    roles = {c["name"]: c["role"] for c in version.schema}
    for column in (version.profile or {}).get("columns", []):
        found = column.get("quantiles") or {}
        cells = [column["name"], column["type"], roles.get(column["name"], ""), version.row_count]
        cells += [column.get(fact) for fact in facts] + [found.get(q) for q in quantiles]
        yield str(writer.writerow(["" if cell is None else safe_cell(cell) for cell in cells]))


@page
@require_safe
def version_file_view(request: HttpRequest, pk: uuid.UUID) -> FileResponse:
    """The uploaded bytes, always as an attachment."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    version = selectors.dataset_version_get(actor, pk)
    if version.purged_at is not None:
        raise NotFound("The bytes of this version were removed.")
    return file_response(sha256=version.content_digest, size=version.size, name=version.filename)


AGAIN: Final = "again"
Act = Callable[[Actor, uuid.UUID, str, str], Any]
_ACTS: dict[str, tuple[Act, str]] = {
    "quarantine": (
        lambda a, pk, r, c: services.version_quarantine(actor=a, version_id=pk, reason=r),
        "Quarantined: nothing new may use it.",
    ),
    "release": (lambda a, pk, r, c: services.version_release(actor=a, version_id=pk, reason=r), "Released."),
    "recall": (lambda a, pk, r, c: services.version_recall(actor=a, version_id=pk, reason=r), "Recalled."),
    "purge": (
        lambda a, pk, r, c: services.version_purge(actor=a, version_id=pk, reason=r, confirm=c),
        "The bytes were removed; the record stays.",
    ),
    "count": (
        lambda a, pk, r, c: services.version_support_count(actor=a, version_id=pk),
        "The segments are being counted; the page shows it when it is done.",
    ),
}


@page
@require_POST
def version_act_view(request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Withdraw, release, remove the bytes, read again, count again."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    if verb not in (*_ACTS, AGAIN):
        raise NotFound("There is no such step.")
    selectors.dataset_version_get(actor, pk)
    done = "Reading the file again." if verb == AGAIN else _ACTS[verb][1]
    try:
        if verb == AGAIN:
            services.version_profile_again(actor=actor, version_id=pk, target_id=target_of(request))
        else:
            _ACTS[verb][0](actor, pk, request.POST.get("reason", ""), request.POST.get("confirmation", ""))
        messages.success(request, done)
    except FairwayError as error:
        if error.status not in (400, 409):
            raise
        told = " ".join(texts[0] for texts in error.fields.values())
        messages.error(request, " ".join([told or error.detail, *(str(item) for item in error.items)]))
    return redirect("dataset-version-detail", pk=pk)
