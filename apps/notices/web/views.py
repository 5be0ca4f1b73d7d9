"""The bell: what one was told."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.tables import table_response
from apps.core.web.views import page
from apps.notices import selectors, services
from apps.notices.web.tables import NOTICES


@require_GET
@page
def notice_list(request: HttpRequest) -> HttpResponseBase:
    actor = request.actor  # type: ignore[attr-defined]
    table = NOTICES.bind(request, selectors.notice_list(actor).select_related("team").order_by())
    context = {"unread": selectors.notice_unread_count(actor)}
    return table_response(request, table, "notices/notice_list.html", context)


@require_http_methods(["GET", "POST"])
@page
def notice_open(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Mark as read and go there; opening is reading, so a plain link does it."""
    notice = services.notice_read(actor=request.actor, notice_id=pk)  # type: ignore[attr-defined]
    return redirect(notice.url)


@require_POST
@page
def notice_read(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    services.notice_read(actor=request.actor, notice_id=pk)  # type: ignore[attr-defined]
    return redirect("notice-list")


@require_POST
@page
def notices_read_all(request: HttpRequest) -> HttpResponse:
    count = services.notices_read_all(actor=request.actor)  # type: ignore[attr-defined]
    messages.success(request, "Nothing was unread." if count == 0 else "All notices are read.")
    return redirect("notice-list")
