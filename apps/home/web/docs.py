"""The generated reference of the JSON API."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.views import SpectacularSwaggerSplitView

from apps.core.web.views import page

_view = SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[])


@page
def api_docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI from the installed package; its script comes from an address of its own, so nothing is inline."""
    response = _view(request)
    response.render()
    # The reader sets style attributes of its own from script files; it shows no data of people.
    response["Content-Security-Policy"] = settings.CONTENT_SECURITY_POLICY.replace(
        "style-src 'self'", "style-src 'self' 'unsafe-inline'", 1
    )
    return response
