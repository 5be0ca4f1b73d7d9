"""Any call of the API, for what has no command of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from fairway_client import options, output
from fairway_client.api import Api

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@click.command()
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option("-d", "--data", help="A JSON body; - reads it from standard input.")
@click.option("-q", "--query", "query", multiple=True, metavar="NAME=VALUE")
@options.with_api
def call(api: Api, method: str, path: str, data: str | None, query: tuple[str, ...]) -> None:
    """Make any call of the API.

    PATH is below /api/v1, as /api/docs describes it: fairway call POST jobs/ID/cancel -d '{}'
    """
    body: Any = None
    if data is not None:
        try:
            body = json.loads(sys.stdin.read() if data == "-" else data)
        except ValueError as error:
            raise click.BadParameter(f"The body is not JSON: {error}.", param_hint="--data") from error
    told = api.call(method.upper(), path, body, query=options.pairs(query, "a part of the query"))
    if isinstance(told, str):
        click.echo(told)
    elif told is not None:
        output.print_json(told)
