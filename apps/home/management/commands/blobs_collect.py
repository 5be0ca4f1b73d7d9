"""Remove stored files that nothing refers to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.core.actors import Actor
from apps.core.blob_care import GRACE, blobs_note, kept_until
from apps.core.blob_references import blobs_unreferenced
from apps.home.storage.services import store_collect


class Command(BaseCommand):
    help = "Remove stored files that nothing refers to and that nobody has written for a day (beat does it hourly)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--hours", type=float, default=GRACE.total_seconds() / 3600, help="The grace time.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hours"] < 1:
            raise CommandError("A writer needs time to refer to what it wrote: at least 1 hour.")
        grace = timedelta(hours=options["hours"])
        if options["dry_run"]:
            blobs_note()
            for sha256 in blobs_unreferenced(timezone.now() - grace, kept_until=kept_until(grace)):
                self.stdout.write(sha256)
            return
        done = store_collect(actor=Actor.system("blobs_collect"), grace=grace)
        self.stdout.write(f"{done.files} files of {done.bytes} bytes removed.")
