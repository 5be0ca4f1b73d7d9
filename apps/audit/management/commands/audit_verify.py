"""Check the audit chain from its first entry to its last."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.audit.contracts import ChainReport
from apps.audit.selectors import audit_verify


class Command(BaseCommand):
    help = "Check the audit chain: altered, missing, reordered entries, broken links, and the unsealed tail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print the report as JSON.")
        parser.add_argument("--expect", metavar="SEQUENCE:HASH", help="A head noted earlier that must still be there.")

    def handle(self, *args: Any, **options: Any) -> None:
        sequence, digest = None, ""
        if options["expect"]:
            number, _, digest = options["expect"].partition(":")
            if not number.isdigit() or len(digest) != 64:
                raise CommandError("--expect takes SEQUENCE:HASH, as printed by an earlier check.")
            sequence = int(number)
        report = audit_verify(expect_sequence=sequence, expect_hash=digest)
        if options["json"]:
            self.stdout.write(json.dumps(_report(report), indent=2))
        else:
            self._say(report)
        if not report.ok:
            raise CommandError("The audit chain does not hold.", returncode=1)

    def _say(self, report: ChainReport) -> None:
        if report.ok:
            self.stdout.write(
                f"The chain holds: {report.checked} entries, head {report.last_sequence}:{report.last_hash}"
            )
        for fault in report.faults:
            self.stdout.write(f"{fault.kind} at {fault.sequence} ({fault.event_id or 'no entry'}): {fault.detail}")
        if report.tail:
            self.stdout.write(f"{report.tail} entries wait to be sealed, the oldest for {report.tail_seconds:.0f} s.")
        if report.sealer_late:
            self.stdout.write("The sealer is late: is beat running?")


def _report(report: ChainReport) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "checked": report.checked,
        "head": {"sequence": report.last_sequence, "hash": report.last_hash},
        "tail": {"entries": report.tail, "seconds": round(report.tail_seconds, 1), "late": report.sealer_late},
        "faults": [
            {"kind": f.kind, "sequence": f.sequence, "id": f.event_id, "detail": f.detail} for f in report.faults
        ],
    }
