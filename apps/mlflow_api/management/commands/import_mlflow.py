"""Copy an MLflow server, `mlruns` folder or SQLite database into a team."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts import selectors as accounts
from apps.core.actors import Actor
from apps.core.errors import FairwayError
from apps.mlflow_api.importing.copying import Copier
from apps.mlflow_api.importing.opening import source_open
from apps.mlflow_api.importing.registry import RegistryCopier
from apps.mlflow_api.importing.report import Report
from apps.mlflow_api.importing.verifying import Verifier


class Command(BaseCommand):
    help = (
        "Copy experiments, runs with their whole history, files, logged models and the registry of MLflow into a team. "
        "A second call goes on where the first one stopped and copies nothing twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            required=True,
            metavar="URI",
            help="http://host:5000, a folder such as ./mlruns, or sqlite:///mlflow.db.",
        )
        parser.add_argument("--team", required=True, help="Short name of the team.")
        parser.add_argument("--user", required=True, help="User name of the person who imports, by their rights.")
        parser.add_argument(
            "--artifacts",
            action="append",
            default=[],
            type=Path,
            metavar="FOLDER",
            help="A folder that files may be read from, beside the usual ones; may be repeated.",
        )
        parser.add_argument(
            "--token-file",
            default="",
            metavar="FILE",
            help="Holds the bearer token of the server; - reads it from stdin.",
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="Write the report as JSON, too.")
        parser.add_argument("--no-verify", action="store_true", help="Do not read the source once more to compare.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = accounts.user_by_username(options["user"])
        if user is None:
            raise CommandError(f"There is no active person with the user name {options['user']}.")
        actor = accounts.actor_of_user(user, request_id="manage.py import_mlflow")
        report = Report(source="", team=options["team"])
        try:
            self._copy(actor, report, options)
        except FairwayError as error:
            self.stdout.write(report.as_text())
            raise CommandError(f"{error.detail} What was copied stays; the same command goes on.") from error
        finally:
            if options["report"]:
                options["report"].write_text(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
        self.stdout.write(report.as_text())
        if not report.ok:
            raise CommandError("The copy is not what the source is: see the list above.", returncode=1)

    def _copy(self, actor: Actor, report: Report, options: dict[str, Any]) -> None:
        team = accounts.team_list(actor).filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"{actor.label} belongs to no team with the short name {options['team']}.")
        source = source_open(
            options["source"], report.leave, token=_token(options["token_file"]), artifacts=options["artifacts"]
        )
        report.source = source.label
        copier = Copier(actor=actor, team_id=team.pk, source=source, report=report, say=self.stdout.write)
        registry = RegistryCopier(copier)
        copier.copy(then=registry.copy)
        for kind, count in source.others().items():
            report.leave(kind, str(count), "An import does not know them.")
        if not options["no_verify"]:
            self.stdout.write("Reading the source once more …")
            Verifier(copier, registry).verify()


def _token(name: str) -> str:
    """The token in a file, or on stdin."""
    if not name:
        return ""
    try:
        return (sys.stdin.read() if name == "-" else Path(name).read_text()).strip()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
