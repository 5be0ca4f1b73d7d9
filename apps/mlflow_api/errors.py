"""MLflow's error body and codes for our errors."""

from __future__ import annotations

from django.http import JsonResponse

from apps.core.errors import FairwayError

_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    409: "INVALID_STATE",
    413: "INVALID_PARAMETER_VALUE",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class NotImplementedHere(FairwayError):
    """A part of MLflow's API that Fairway leaves out."""

    status = 501
    code = "not_implemented"
    title = "Not implemented"


def error_response(error: FairwayError) -> JsonResponse:
    """`{"error_code", "message"}` with MLflow's status."""
    code = "RESOURCE_ALREADY_EXISTS" if error.code == "name_taken" else _CODES.get(error.status, "INTERNAL_ERROR")
    status = 400 if error.code == "name_taken" else error.status
    message = error.detail
    if error.fields:
        message += " " + "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.fields.items())
    response = JsonResponse({"error_code": code, "message": message}, status=status)
    if error.status == 503:
        response["Retry-After"] = "2"
    if error.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="fairway"'
    return response
