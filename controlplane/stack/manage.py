"""`make manage`: manage.py with the addresses of this installation's servers, started for the command when need be."""

from __future__ import annotations

import os
import subprocess
import sys

from controlplane.stack.config import StackConfig
from controlplane.stack.embedded import Embedded, embedded_urls
from controlplane.stack.home import lock_held
from controlplane.stack.messages import StackError

# What says something about an installation that does not run; starting servers for it would make it untrue.
WITHOUT_SERVERS = ("status", "help", "--help", "version", "--version")


def manage_run(config: StackConfig, arguments: list[str]) -> int:
    """Run one command of manage.py in the foreground. Returns its exit code."""
    arguments = arguments[1:] if arguments[:1] == ["--"] else arguments
    command = [sys.executable, str(config.root / "manage.py"), *arguments]
    embeds = config.embeds_database or config.embeds_broker
    first = arguments[0] if arguments else "help"
    if first == "demo" and not lock_held(config.home) and embeds:
        raise StackError("The demo runs real jobs: start Fairway with make run, which also runs the demo once.")
    if not embeds or lock_held(config.home) or first in WITHOUT_SERVERS:
        database_url, redis_url = embedded_urls(config)
        return subprocess.call(command, env=_environment(config, database_url, redis_url))
    with Embedded(config) as embedded:
        return subprocess.call(command, env=_environment(config, embedded.database_url, embedded.redis_url))


def _environment(config: StackConfig, database_url: str, redis_url: str) -> dict[str, str]:
    env = dict(os.environ) | {"FAIRWAY_HOME": str(config.home)}
    if database_url:
        env["DATABASE_URL"] = database_url
    if redis_url:
        env["REDIS_URL"] = redis_url
    return env
