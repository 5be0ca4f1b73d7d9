"""Make the first administrator of an installation, from its shell."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.accounts.services import grant_add, sign_in_link_create, user_create
from apps.core.actors import Actor, Role
from apps.core.errors import FairwayError


class Command(BaseCommand):
    help = "Make an administrator of the whole site and print a link that signs them in once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user", required=True, help="The user name.")
        parser.add_argument("--email", required=True, help="The mail address; a password is set through it.")
        parser.add_argument("--minutes", type=int, default=60, help="How long the link holds.")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = Actor.system("manage.py administrator_create")
        try:
            with transaction.atomic():
                user = user_create(actor=actor, username=options["user"], email=options["email"])
                grant_add(actor=actor, user=user, team=None, role=Role.ADMINISTRATOR)
                path = sign_in_link_create(actor=actor, user=user, minutes=options["minutes"])
        except FairwayError as error:
            told = " ".join(text for texts in error.fields.values() for text in texts)
            raise CommandError(told or error.detail) from error
        self.stdout.write(settings.PUBLIC_URL + path)
