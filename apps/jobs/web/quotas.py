"""Pages of quotas, for the administrators of the site."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from apps.core.errors import Conflict, Forbidden, Invalid
from apps.core.registries import admin_tabs
from apps.core.web.views import page
from apps.jobs import policies, selectors, services

GIB = 1024**3


class QuotaForm(forms.Form):
    """What a team may use; an empty field is no limit."""

    row_version = forms.IntegerField(widget=forms.HiddenInput)
    weight = forms.IntegerField(
        label="Weight",
        min_value=1,
        max_value=100,
        help_text="A team of weight 2 gets twice as much of a busy target as one of weight 1.",
    )
    jobs_at_once = forms.IntegerField(
        label="Jobs at once", required=False, min_value=1, max_value=2**31 - 1, help_text="More wait. Empty: no limit."
    )
    cpu_hours = forms.IntegerField(
        label="CPU hours in 30 days", required=False, min_value=0, max_value=2**31 - 1, help_text="Empty: no limit."
    )
    gpu_hours = forms.IntegerField(
        label="GPU hours in 30 days", required=False, min_value=0, max_value=2**31 - 1, help_text="Empty: no limit."
    )
    storage = forms.IntegerField(
        label="Storage in GiB", required=False, min_value=0, max_value=2**32, help_text="Empty: no limit."
    )

    def values(self) -> dict[str, Any]:
        """In the units of the service."""
        data = dict(self.cleaned_data)
        storage = data.pop("storage")
        return data | {"storage_bytes": storage * GIB if storage is not None else None}


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {"tabs": admin_tabs(request.actor, "quotas"), "nav_key": "admin"}  # type: ignore[attr-defined]


@page
@require_safe
def quota_list(request: HttpRequest) -> HttpResponse:
    """All teams with what they may use and what they have used, and how often forecasts held."""
    actor = request.actor  # type: ignore[attr-defined]
    policies.require_quotas_manage(actor)
    context = {"rows": selectors.quota_list(actor), "held": selectors.coverage(actor)}
    return render(request, "jobs/quota_list.html", _frame(request) | context)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def quota_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Set what a team may use; a stale form is refused."""
    actor = request.actor  # type: ignore[attr-defined]
    row = selectors.quota_get(actor, pk)
    policies.require_quotas_manage(actor)
    quota, status = row.quota, 200
    initial = {
        "row_version": quota.row_version,
        "weight": quota.weight,
        "jobs_at_once": quota.jobs_at_once,
        "cpu_hours": quota.cpu_hours,
        "gpu_hours": quota.gpu_hours,
        "storage": round(quota.storage_bytes / GIB) if quota.storage_bytes is not None else None,
    }
    form = QuotaForm(request.POST or None, initial=initial, label_suffix="")
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.quota_set(actor=actor, team_id=pk, **form.values())
            except (Invalid, Conflict, Forbidden) as refusal:
                form.add_error(None, refusal.detail)
                status = refusal.status
            else:
                messages.success(request, f"The quota of {row.team} is set.")
                return redirect("quota-list")
    return render(request, "jobs/quota_form.html", _frame(request) | {"form": form, "row": row}, status=status)
