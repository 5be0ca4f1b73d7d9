"""What a client asks of the server itself."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.web.views import public
from apps.mlflow_api.door import answer

# The release of MLflow whose API this room speaks.
MLFLOW_VERSION = "3.17.2"


def version(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(MLFLOW_VERSION, content_type="text/plain; charset=utf-8")


@public
def health(request: HttpRequest) -> HttpResponse:
    """For MLflow's clients and probes; says nothing but that somebody answers."""
    return HttpResponse("OK", content_type="text/plain; charset=utf-8")


def info(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """What this server can: files go through it, in one piece."""
    return answer(
        {
            "store_type": "SqlStore",
            "workspaces_enabled": True,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": False,
            "multipart_downloads_enabled": False,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "features_enabled": {"gateway": False},
        }
    )
