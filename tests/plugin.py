"""What holds for every test, as a plugin of pytest.

Tests that commit are tidied up after by Django's `flush`, which truncates every table and writes all content types and
permissions anew: half a second each time. Here the tables that hold rows lose them, those two stay as they are, and
what migrations wrote is put back.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.ray_head import RayHead

# Examples are judged by what they show, not by how busy the machine is.
hypothesis.settings.register_profile("fairway", deadline=None)
hypothesis.settings.load_profile("fairway")


@pytest.fixture(scope="session")
def ray_head() -> Iterator[RayHead]:
    """One real Ray head for all tests of this process that need one; those stay together (`tests.sharing`)."""
    from tests.ray_head import ray_open

    with ray_open() as head:
        yield head


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> Any:
    """The database of the tests: a copy where several processes share a server, and with its first rows noted.

    A fixture of this name here would give way to pytest-django's own.
    """
    if fixturedef.argname != "django_db_setup":
        return (yield)
    from django.conf import settings

    from apps.core.tests.remember import first_rows_note
    from tests.migrated import migrated_shared

    known = settings.DATABASES["default"]
    if os.environ.get("PYTEST_XDIST_WORKER") and known["HOST"].startswith("/"):
        base = request.getfixturevalue("tmp_path_factory").getbasetemp().parent
        known.setdefault("TEST", {})["TEMPLATE"] = migrated_shared(base)
    done = yield
    with request.getfixturevalue("django_db_blocker").unblock():
        first_rows_note()
    return done


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test has an id of its own, else processes that share the tests run one of those that share an id.

    pytest 9.2 makes the id of schemathesis's tests of their function alone, without the operation.
    """
    from schemathesis.pytest.plugin import SchemathesisFunction

    for item in items:
        if isinstance(item, SchemathesisFunction) and not item.nodeid.endswith(item.name):
            item._id = item.id.with_params(item.name.partition("[")[2].removesuffix("]"))
    repeated = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if repeated:
        raise pytest.UsageError(f"Several tests have the id {repeated[0]}: only one of them would be run.")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Django is set up by pytest-django's own hook, before this one."""
    from django.test import TransactionTestCase

    TransactionTestCase._fixture_teardown = _empty  # type: ignore[method-assign]


def _empty(case: Any) -> None:
    """In place of `TransactionTestCase._fixture_teardown`."""
    del case
    from apps.core.tests.remember import tables_empty

    tables_empty()
