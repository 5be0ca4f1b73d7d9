"""Reading data: the list, and a dataset with its versions."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.tables import table_response
from apps.core.web.views import page
from apps.datasets import policies, selectors
from apps.datasets.contracts import MAX_BYTES
from apps.datasets.models import Dataset, DatasetVersion
from apps.datasets.web.tables import DATASETS
from apps.datasets.web.targets import targets_context


@page
@require_safe
def dataset_list_view(request: HttpRequest) -> HttpResponseBase:
    """The data of the team."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    team = accounts.team_current(request)
    archived = request.GET.get("archived") == "1"
    rows = selectors.dataset_list(actor, team_id=team.pk if team else None, archived=archived).order_by()
    may_create = team is not None and policies.data_may_edit(actor, team.pk)
    context = {"archived": archived, "may_create": may_create, "nav_key": "data"}
    return table_response(request, DATASETS.bind(request, rows), "datasets/dataset_list.html", context)


@page
@require_safe
def dataset_detail_view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A dataset: its versions, where to put the next one, and what is known about its origin."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    dataset = selectors.dataset_get(actor, pk)
    return render(request, "datasets/dataset_detail.html", detail_context(actor, dataset))


def detail_context(actor: Actor, dataset: Dataset) -> dict[str, Any]:
    """What the page of a dataset shows."""
    versions = list(selectors.dataset_version_list(actor, dataset)[:200])
    may_edit = policies.data_may_edit(actor, dataset.team_id)
    open_ = dataset.archived_at is None
    usable = next((v for v in versions if v.state == DatasetVersion.State.SEALED and v.purged_at is None), None)
    menu: list[dict[str, Any]] = []
    if may_edit:
        menu.append({"label": "Change description", "icon": "edit", "url": reverse("dataset-edit", args=[dataset.pk])})
        verb, word, icon = ("archive", "Archive", "archive") if open_ else ("restore", "Restore", "restore")
        act = reverse("dataset-act", args=[dataset.pk, verb])
        menu.append({"label": word, "icon": icon, "post": act})
        menu.append(
            {"label": "Delete…", "icon": "trash", "bad": True, "url": reverse("dataset-delete", args=[dataset.pk])}
        )
    return {
        "nav_key": "data",
        "dataset": dataset,
        "versions": versions,
        "newest": versions[0] if versions else None,
        "usable": usable,
        "may_edit": may_edit,
        "may_upload": may_edit and open_,
        "may_run": actor.can("job.run", dataset.team_id),
        "uploads": list(selectors.upload_open_list(actor, dataset)[:10]) if may_edit else [],
        "disk_use": selectors.disk_use(dataset),
        "menu": menu,
        "max_bytes": MAX_BYTES,
        **targets_context(dataset.team_id, may=may_edit and open_),
    }
