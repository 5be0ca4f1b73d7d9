"""The product under test: started for this run and told the demo once, or the running one that `--at` names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from controlplane.stack.testing import LiveStack
from tests.flows.stack import demo_tell, people_make, stack_open
from tests.snapshot import snapshot_shared

DEMO_TEAM = "Pretrial services"
FRESH_TEAM = "Heating service"
PASSWORD = "a long test password"
# Beside the three accounts of the demo: roles that only look, and people of a team that has nothing yet.
OTHERS = {
    "viewer": ("VIEWER", DEMO_TEAM),
    "auditor": ("AUDITOR", ""),
    "fitter": ("DATA_SCIENTIST", FRESH_TEAM),
    "foreman": ("PRODUCT_OWNER", FRESH_TEAM),
    "newcomer": ("DATA_SCIENTIST", "A team without anything"),
}


@dataclass(frozen=True)
class Product:
    """A live product with the demo, and the passwords of its people."""

    stack: LiveStack
    passwords: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return self.stack.url

    def manage(self, *arguments: str) -> str:
        """What one command of manage.py prints. Raises AssertionError with its complaint."""
        done = self.stack.manage(*arguments, seconds=240)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def told(stack: LiveStack, share: Callable[[LiveStack], object]) -> Product:
    """The product with accounts, demo and the other people, whatever of them is missing; the demo alone is shared."""
    demo_tell(stack)
    share(stack)
    people_make(stack, OTHERS)
    kept = json.loads((stack.home / "secrets" / "demo-accounts.json").read_text())
    return Product(stack, {**dict.fromkeys(OTHERS, PASSWORD), **kept})


@contextmanager
def product_open(at: Path | None, run_folder: Path) -> Iterator[Product]:
    """A product of this run's own; or the running one with home `at`, on the ports that the environment names."""
    if at is None:
        with stack_open("fairway-e2e-") as stack:
            yield told(stack, partial(snapshot_shared, run_folder))
    else:
        ports = {name: os.environ[name] for name in ("PORT", "LIVE_PORT", "GATEWAY_PORT")}
        yield told(LiveStack(at, environ=ports), lambda _: None)
