"""Put a backup in the place of the present contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.backup.archive import backup_restore
from controlplane.backup.dump import BackupFailed


class Command(BaseCommand):
    help = "Restore a backup: checks its hashes, loads it, migrates, then checks counts and the audit chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", help="A folder that `backup` wrote.")
        parser.add_argument("--replace", action="store_true", help="Even when this installation holds teams.")

    def handle(self, *args: Any, **options: Any) -> None:
        def say(text: str) -> None:
            self.stdout.write(f"  {text} …")

        folder = Path(options["folder"]).expanduser().resolve()
        try:
            found = backup_restore(folder, say, replace=options["replace"])
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored the backup of {found['made_at']}: {found['rows']} rows, {found['files']} files, "
            f"{found['audit_entries']} audit entries checked."
        )
        if found["other_key"]:
            self.stdout.write(
                "The backup is of an installation with another secret key: sessions end, and second factors have to "
                "be set up again unless you bring that key along."
            )
