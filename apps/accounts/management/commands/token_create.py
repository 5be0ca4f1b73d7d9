"""Make an API token from the shell of the installation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.core.actors import SCOPE_VERBS, Actor
from apps.core.errors import FairwayError


class Command(BaseCommand):
    help = "Print a new API token of a person, once, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="User name of the owner.")
        parser.add_argument("--days", type=int, default=30, help="Valid for so many days (1 to 365).")
        parser.add_argument("--name", default="command line", help="What the token is for.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=sorted(SCOPE_VERBS),
            help="May be repeated; default: read write predict.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person with the user name {options['user']}.")
        try:
            _, secret = token_create(
                actor=Actor.system("manage.py token_create"),
                user=user,
                name=options["name"],
                scopes=options["scope"] or ["read", "write", "predict"],
                days=options["days"],
            )
        except FairwayError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(secret)
