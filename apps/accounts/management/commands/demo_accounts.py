"""Make or show the three accounts of the demo."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.accounts.demo import TEAM, demo_accounts


class Command(BaseCommand):
    help = "Make the demo's team and people when they are missing; print names, passwords and one-time links."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = demo_accounts()
        if options["json"]:
            self.stdout.write(json.dumps({"team": TEAM, "accounts": [asdict(a) for a in accounts]}, indent=2))
            return
        self.stdout.write(f"Team {TEAM}")
        for account in accounts:
            password = account.password or "changed by its owner"
            self.stdout.write(f"  {account.username:<10} {password:<24} {account.role}")
            self.stdout.write(f"  {'':<10} sign in once: {account.link}")
