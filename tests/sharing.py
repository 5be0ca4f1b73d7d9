"""Which tests stay together and come first when several processes share them, as a plugin of pytest.

The tests of a file go to one process, which keeps what the file's fixtures start. All browser tests share one product
with the stories about the demo, and the other stories another, so these stay together across files. They take longest,
so they begin.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# In this order: the browser tests tell the demo, whose rows the tests of later folders take from there; the stories
# about it change it, so they come last on its product.
TOGETHER = {
    "tests/e2e/": "browser",
    "tests/flows/test_backup": "browser",
    "tests/flows/test_bad_days": "browser",
    "tests/flows/": "stories",
    "tests/compat/": "stories",
    # They share the stories' Ray head.
    "workers/executors/tests/test_ray": "stories",
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that stay together first; last the files that need the demo's rows, which are there by then."""
    folders = list(TOGETHER)
    asking = {item.path for item in items if "demo_snapshot" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[int, bool]:
        begins = (n for n, folder in enumerate(folders) if item.nodeid.startswith(folder))
        return next(begins, len(folders)), item.path in asking

    items.sort(key=place)


class FileSharing(LoadScopeScheduling):
    """Hands out files, and what stays together, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for folder, name in TOGETHER.items() if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> FileSharing:
    """The scheduler of this run."""
    return FileSharing(config, log)
