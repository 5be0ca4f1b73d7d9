"""`manage.py status [--json]`: every process, its address, health, versions and queue depths."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from apps.home.health.facts import health_collect
from controlplane.celery import app
from controlplane.stack.status import Place, status_collect, status_text

NOT_RUNNING = 3


class Command(BaseCommand):
    """Exits with 3 when the product does not run."""

    help = "Say which processes run, where, how they are, which versions, and how long the queues are."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        # An installation that does not run is told in the answer, not by the pool's own complaints.
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        place = Place(
            home=settings.FAIRWAY_HOME,
            web_url=settings.INTERNAL_URL,
            gateway_url=settings.GATEWAY_URL,
            live_port=settings.PORTS["live"],
            redis_url=settings.REDIS_URL,
        )
        status = status_collect(place, _database(), _workers())
        status["health"] = _health(status)
        status["versions"]["django"] = django.get_version()
        self.stdout.write(json.dumps(status, indent=2) if options["json"] else status_text(status))
        if not status["running"]:
            sys.exit(NOT_RUNNING)


def _health(status: dict[str, Any]) -> dict[str, Any] | None:
    """What the administrators' page says; None where there is no database to ask, or one that was not migrated yet."""
    if not status["versions"]["postgresql"]:
        return None
    try:
        return health_collect().to_json()
    except DatabaseError:
        return None


def _database() -> dict[str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            row = cursor.fetchone()
    except (DatabaseError, OSError) as error:
        return {"health": type(error).__name__, "version": ""}
    finally:
        connection.close()
    return {"health": "ok", "version": str(row[0]).split()[0] if row else ""}


def _workers() -> list[str]:
    """Names of the workers that answer within a second."""
    try:
        answers = app.control.ping(timeout=1.0, limit=None) or []
    except Exception:  # noqa: BLE001 - any failure of the queue means that nobody answered
        return []
    return sorted(name for answer in answers for name in answer)
