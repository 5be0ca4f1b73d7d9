"""Errors that arise before a view of this room is reached, in MLflow's shape: a bad token, a bad host, an outage."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.problems import CONTENT_TYPE
from apps.mlflow_api.errors import mlflow_error

PATHS = ("/api/2.0/", "/api/3.0/", "/ajax-api/", "/v1/", "/version", "/get-artifact", "/model-versions/get-artifact")


class MlflowErrorsMiddleware:
    """Rewrites problem details into `{"error_code", "message"}` at MLflow's addresses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.headers.get("Content-Type") != CONTENT_TYPE or not request.path.startswith(PATHS):
            return response
        problem = json.loads(response.content)
        return mlflow_error(status=problem["status"], code=problem["code"], message=problem["detail"])
