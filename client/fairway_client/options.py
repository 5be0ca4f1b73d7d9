"""Options and arguments that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from fairway_client import login
from fairway_client.api import Api

Command = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="Print what the API answers.")
team = click.option("--team", help="Name or id of the team; needed when you are in several.")
limit = click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many rows at most.")


def with_api(command: Command) -> Command:
    """Gives the command the API, as the person who is signed in, as its first argument."""

    @wraps(command)
    def called(*arguments: Any, **options: Any) -> Any:
        return command(Api(login.load()), *arguments, **options)

    return called


def pairs(values: tuple[str, ...], what: str) -> dict[str, str]:
    """`name=value` arguments. Raises BadParameter."""
    found = {}
    for value in values:
        name, mark, rest = value.partition("=")
        if not mark or not name:
            raise click.BadParameter(f"“{value}” is not {what}: write name=value.")
        found[name] = rest
    return found
