"""MLflow's error body, codes and statuses for our errors."""

from __future__ import annotations

from django.http import JsonResponse

from apps.core.errors import FairwayError

# Beside the status of our errors: MLflow has a code for each, and its clients repeat a call only for 408, 429 and 5xx.
_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    406: "BAD_REQUEST",
    409: "RESOURCE_CONFLICT",
    413: "INVALID_PARAMETER_VALUE",
    415: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
}
# Where MLflow says something else than the status alone would.
_BY_CODE = {"name_taken": ("RESOURCE_ALREADY_EXISTS", 400)}


class NotImplementedHere(FairwayError):
    """A part of MLflow's API that Fairway leaves out."""

    status = 501
    code = "not_implemented"
    title = "Not implemented"


def mlflow_error(*, status: int, code: str, message: str) -> JsonResponse:
    """`{"error_code", "message"}` with MLflow's status for an error of ours, given by status and code."""
    error_code, status = _BY_CODE.get(code, (_CODES.get(status, "INTERNAL_ERROR"), status))
    if status == 415:
        status = 400
    response = JsonResponse({"error_code": error_code, "message": message}, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="fairway"'
    return response


def error_response(error: FairwayError) -> JsonResponse:
    """The answer to an expected refusal."""
    said = {text for texts in error.fields.values() for text in texts} - {error.detail}
    message = " ".join([error.detail, *sorted(said)])
    return mlflow_error(status=error.status, code=error.code, message=message)
