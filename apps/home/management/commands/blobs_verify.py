"""Hash the stored files again."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.actors import Actor
from apps.core.blob_care import CheckReport
from apps.core.blob_references import BlobReference, references_of
from apps.home.storage.services import store_check_run


class Command(BaseCommand):
    help = "Hash every stored file again; print those whose bytes are flipped or missing and who needs them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
        parser.add_argument("--due", action="store_true", help="Only files that nobody checked for a day.")

    def handle(self, *args: Any, **options: Any) -> None:
        def say(share: float, text: str) -> None:
            if not options["json"]:
                self.stdout.write(f"  {text} …")

        report = store_check_run(actor=Actor.system("blobs_verify"), everything=not options["due"], say=say)
        needed = references_of([*report.flipped, *report.missing])
        if options["json"]:
            self.stdout.write(json.dumps(_report(report, needed), indent=2))
        else:
            self._say(report, needed)
        if not report.ok:
            raise CommandError("The store does not hold all that is referred to, as it was.", returncode=1)

    def _say(self, report: CheckReport, needed: dict[str, list[BlobReference]]) -> None:
        for word, hashes in (("flipped", report.flipped), ("missing", report.missing)):
            for sha256 in hashes:
                labels = ", ".join(f"{r.kind}: {r.label}" for r in needed[sha256]) or "nothing"
                self.stdout.write(f"{word} {sha256} needed by {labels}")
        for sha256, reference in report.orphans:
            if sha256 not in needed:
                self.stdout.write(f"missing {sha256} needed by {reference.kind}: {reference.label}")
        self.stdout.write(f"{report.checked} files of {report.bytes} bytes hashed again.")


def _report(report: CheckReport, needed: dict[str, list[BlobReference]]) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "checked": report.checked,
        "bytes": report.bytes,
        "flipped": report.flipped,
        "missing": report.missing,
        "without_bytes": sorted({sha256 for sha256, _ in report.orphans}),
        "needed_by": {sha256: [f"{r.kind}: {r.label}" for r in found] for sha256, found in needed.items()},
    }
