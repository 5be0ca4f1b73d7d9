"""What callers are told while the database cannot serve."""

from __future__ import annotations

import pytest
from django.db import DataError, InternalError, OperationalError
from django.test import RequestFactory
from psycopg.errors import AdminShutdown, DiskFull, InternalError_, NumericValueOutOfRange

from apps.core.middleware import ErrorsMiddleware


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (raised_from(OperationalError(), AdminShutdown()), "cannot be reached"),
        (raised_from(InternalError(), InternalError_()), "cannot be reached"),
        (raised_from(OperationalError(), DiskFull()), "disk is full. Nothing was changed. An administrator can free"),
    ],
)
def test_a_database_that_cannot_serve_is_a_503_that_says_why(error: Exception, said: str, accept: str):
    def view(request: object) -> None:
        raise error

    answer = ErrorsMiddleware(view)(RequestFactory().get("/", headers={"accept": accept}))  # type: ignore[arg-type]

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert said in answer.content.decode().replace("&#x27;", "'")


def test_a_fault_of_ours_is_not_taken_for_a_database_that_is_away():
    def view(request: object) -> None:
        raise raised_from(DataError(), NumericValueOutOfRange())

    with pytest.raises(DataError):
        ErrorsMiddleware(view)(RequestFactory().get("/"))  # type: ignore[arg-type]
