"""The gateway's own door: routes, files, predictions and health, behind the gateway's key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from apps.core.api.exceptions import Unauthenticated
from apps.core.errors import Invalid, NotFound
from apps.core.files import file_response
from apps.deployments import services

View = Callable[..., HttpResponseBase]


def gateway_only(view: View) -> View:
    """Refuse everybody who does not hold the gateway's key; compared in constant time."""

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(
            given.encode("utf-8", "replace"), settings.GATEWAY_KEY.encode()
        ):
            raise Unauthenticated("Only the gateway may ask this.")
        return view(request, *args, **kwargs)

    wrapper.fairway_guard = "gateway"  # type: ignore[attr-defined]
    return wrapper


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


@gateway_only
def routes(request: HttpRequest) -> HttpResponse:
    """The signed routes of this moment; 304 when the gateway has them and they are fresh."""
    found = services.routes_document(settings.GATEWAY_KEY.encode())
    if request.headers.get("If-None-Match") == found.etag:
        return HttpResponse(status=304, headers={"ETag": found.etag})
    return JsonResponse(found.document, headers={"ETag": found.etag})


@gateway_only
def file(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """A file of a version that the gateway may hold."""
    size = services.route_file_size(sha256)
    if size is None:
        raise NotFound("No routed version has such a file.")
    return file_response(sha256=sha256, size=size, name=sha256)


@gateway_only
def predictions(request: HttpRequest) -> HttpResponse:
    """Take in a spooled batch, once."""
    body = _body(request)
    rows = body.get("rows")
    if not isinstance(rows, list):
        raise Invalid.field("rows", "Must be a list.")
    stored = services.predictions_ingest(batch_id=str(body.get("batch_id")), rows=rows)
    return JsonResponse({"stored": stored})


@gateway_only
def health(request: HttpRequest) -> HttpResponse:
    """Take in what the gateway says of its hosts."""
    body = _body(request)
    hosts = body.get("hosts")
    if not isinstance(hosts, list) or not all(isinstance(host, dict) for host in hosts):
        raise Invalid.field("hosts", "Must be a list of objects.")
    serial = body.get("serial")
    services.health_ingest(hosts=hosts, serial=serial if isinstance(serial, int) else 0)
    return JsonResponse({})
