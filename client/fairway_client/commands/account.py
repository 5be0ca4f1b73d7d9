"""Signing in and out."""

from __future__ import annotations

import sys

import click

from fairway_client import login, options, output
from fairway_client.api import Api

LOCAL = ("http://localhost", "http://127.0.0.1", "http://[::1]")


@click.command()
@click.argument("url")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input instead of asking.")
@click.option("--insecure-http", is_flag=True, help="Allow an address without TLS that is not this machine.")
def sign_in(url: str, token_stdin: bool, insecure_http: bool) -> None:
    """Keep the address and a token, for the commands that follow.

    A token is made on the page Account, API tokens.
    """
    url = url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter("An address begins with https:// or http://.", param_hint="URL")
    if not url.startswith(("https://", *LOCAL)) and not insecure_http:
        raise click.UsageError(f"{url} has no TLS, so anybody on the way reads the token. --insecure-http allows it.")
    token = sys.stdin.readline().strip() if token_stdin else click.prompt("Token", hide_input=True).strip()
    kept = login.Login(url, token)
    me = Api(kept).get("me")
    place = login.save(kept)
    click.echo(f"Signed in as {output.safe(me['username'])}. The token is kept in {place}.", err=True)


@click.command()
def sign_out() -> None:
    """Forget the address and the token. The token itself ends on the page Account, API tokens."""
    click.echo("Signed out." if login.forget() else "Nobody was signed in.", err=True)


@click.command()
@options.as_json
@options.with_api
def whoami(api: Api, as_json: bool) -> None:
    """Who this is, where, and with which roles."""
    me = api.get("me")
    teams = {team["id"]: team["name"] for team in api.rows("teams")}
    roles = [
        f"{role['role'].replace('_', ' ').lower()} of {teams.get(role['team_id'], 'the whole site')}"
        for role in me["roles"]
    ]
    facts = {
        "server": api.url,
        "user name": me["username"],
        "name": me["name"],
        "roles": "; ".join(roles) or "none",
        "scopes": ", ".join(me["scopes"] or []),
    }
    output.print_facts(me, facts, as_json=as_json)
