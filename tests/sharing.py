"""Which tests stay together when two processes share them, as a plugin of pytest.

The tests of a file go to one process, which keeps what the file's fixtures start. All browser tests share one product
and all stories another, so these stay together across files.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {"tests/e2e/": "browser", "tests/flows/": "stories", "tests/compat/": "stories"}


class FileSharing(LoadScopeScheduling):
    """Hands out files, and what stays together, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((name for folder, name in TOGETHER.items() if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> FileSharing:
    """The scheduler of this run."""
    return FileSharing(config, log)
