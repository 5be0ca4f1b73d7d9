"""Which tests stay together when two processes share them, as a plugin of pytest.

The tests of a file go to one process, which keeps what the file's fixtures start. All browser tests share one product
and all flows another, so each of these folders stays whole.
"""

from __future__ import annotations

import pytest

WHOLE = ("tests/e2e/", "tests/flows/")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name each test's group."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(next((folder for folder in WHOLE if file.startswith(folder)), file)))
