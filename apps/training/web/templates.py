"""Pages of templates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import selectors as accounts
from apps.code import selectors as code
from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.core.tables import Column, Table, TextFilter, table_response
from apps.core.web.views import page
from apps.datasets import selectors as datasets
from apps.registry import selectors as registry
from apps.training import policies, selectors, services
from apps.training.models import LaunchTemplate
from workers.contracts.parameters import ordered, text_of

TEMPLATES = Table(
    key="templates",
    columns=[
        Column("name", "Template", sort="name", link=True),
        Column("bundle", "Code", sort="bundle__name", value="bundle"),
        Column("entry", "Entry", sort="entry", value=lambda row: row.entry or row.command, wrap=True),
        Column("target", "Target", sort="target__name", value=lambda row: row.target.name if row.target else "local"),
        Column("by", "Saved by", sort="created_by_label", value="created_by_label"),
        Column("created", "Saved", sort="id", format="ago", value="created_at"),
    ],
    filters=[TextFilter("q", "Find a template", ["name", "description", "bundle__name"])],
    default_sort="name",
    row_url=lambda row: reverse("template-detail", args=[row.pk]),
    label="Templates",
    noun="template",
)


def _tabs() -> list[dict[str, object]]:
    return [
        {"label": "Code", "url": reverse("code-list"), "current": False},
        {"label": "Templates", "url": reverse("template-list"), "current": True},
        {"label": "Environments", "url": reverse("environment-list"), "current": False},
    ]


def _actor(request: HttpRequest) -> Actor:
    return request.actor  # type: ignore[attr-defined, no-any-return]


@page
@require_safe
def template_list(request: HttpRequest) -> HttpResponseBase:
    """The templates of the team."""
    team = accounts.team_current(request)
    rows = selectors.template_list(_actor(request), team.pk if team else None)
    context = {"nav_key": "code", "tabs": _tabs()}
    return table_response(request, TEMPLATES.bind(request, rows), "training/template_list.html", context)


@page
@require_safe
def template_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What a template says."""
    actor = _actor(request)
    template = selectors.template_get(actor, pk)
    context = {
        "nav_key": "code",
        "template": template,
        "values": _values(actor, template),
        "has_seed": any(name in template.params for name in services.SEEDS),
        "may": policies.code_launch(actor, template.team_id),
        "menu": [{"label": "Remove", "icon": "trash", "post": reverse("template-remove", args=[pk]), "bad": True}],
    }
    return render(request, "training/template_detail.html", context)


def _values(actor: Actor, template: LaunchTemplate) -> list[tuple[str, str]]:
    """The parameters in the order of the code, inputs by their names."""
    entry = code.entry_find(template.bundle, template.entry) if template.entry else None
    found = []
    for name, one in ordered(entry.schema) if entry is not None else ():
        if name in template.params:
            found.append((name, _shown(actor, one, template.params[name])))
    return found


def _shown(actor: Actor, one: Mapping[str, Any], value: Any) -> str:
    try:
        if one.get("format") == "dataset":
            return str(datasets.dataset_version_get(actor, uuid.UUID(value)))
        if one.get("format") == "model":
            return str(registry.model_version_get(actor, uuid.UUID(value)))
    except NotFound:
        return f"{value} (gone, or not yours to see)"
    return text_of(value)


@page
@require_POST
def template_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Put a template away."""
    services.template_remove(actor=_actor(request), template_id=pk)
    messages.success(request, "The template is removed. What was launched from it stays.")
    return redirect("template-list")
