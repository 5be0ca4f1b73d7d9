"""Write a backup."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from apps.core.models import LongTask
from controlplane.backup.archive import backup_check, backup_make
from controlplane.backup.dump import BackupFailed


class Command(BaseCommand):
    help = "Write the database and all stored files to a new folder, or check one that stands (--check)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", nargs="?", help="A new folder; left out: fairway-backup-<time> here.")
        parser.add_argument("--check", action="store_true", help="Check the hashes of a backup; restores nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["folder"] or f"fairway-backup-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        folder = Path(name).expanduser().resolve()

        def say(text: str) -> None:
            self.stdout.write(f"  {text} …")

        try:
            manifest = backup_check(folder, say) if options["check"] else backup_make(folder, say)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        # For the health page; a database that is away (a check on another machine) loses nothing but that.
        with suppress(DatabaseError):
            key, title = ("restore-drill", "Check of a backup") if options["check"] else ("backup", "Backup")
            done = {"title": title, "state": LongTask.State.DONE, "fraction": 1.0}
            LongTask.objects.update_or_create(key=key, defaults=done)
        size = sum(manifest.files.values())
        self.stdout.write(
            f"{'Whole' if options['check'] else 'Written'}: {folder}, {len(manifest.files)} files of {size} bytes, "
            f"{sum(manifest.counts.values())} rows, audit chain up to {manifest.audit_sequence}."
        )
        if not options["check"]:
            self.stdout.write(
                "Keep secrets/secret-key of this installation apart from it: second factors are sealed with that key."
            )
