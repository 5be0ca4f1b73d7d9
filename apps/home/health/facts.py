"""What is known of every part of the installation, and the verdict over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.db import DatabaseError, connection
from django.utils import timezone

from apps.compute import selectors as compute
from apps.core import formats
from apps.core.actors import Actor
from apps.core.build import build
from apps.core.models import LongTask
from apps.home.health.probes import broker_probe, http_probe
from apps.jobs import selectors as jobs
from apps.stores import selectors as stores

OK, WARN, DOWN, NONE = "OK", "WARN", "DOWN", "NONE"
"""NONE: not set up, or nobody knows; it does not count against the installation."""
QUEUES = ("default", "jobs")
CLOCK_WARN, CLOCK_DOWN = 2.0, 30.0
BEAT_LATE = timedelta(seconds=30)
WAIT_LONG = timedelta(minutes=30)
BACKUP_OLD = timedelta(days=7)
DISK_LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `text` says how it is; `works` what still works while it is not OK, and what does not."""

    key: str
    title: str
    state: str
    text: str
    works: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All parts, the workers, and the sentence that is read first."""

    state: str
    verdict: str
    advice: str
    parts: list[Part]
    workers: list[jobs.WorkerView]
    at: datetime

    def to_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "state": self.state,
            "verdict": self.verdict,
            "advice": self.advice,
            "at": self.at.isoformat(),
            "parts": [
                {name: getattr(part, name) for name in ("key", "title", "state", "text", "works", "facts")}
                for part in self.parts
            ],
            "workers": [
                {
                    "id": str(view.worker.pk),
                    "name": str(view.worker),
                    "version": view.worker.version,
                    "lives": view.lives,
                    "drained": view.worker.drained_at is not None,
                    "seen_at": view.worker.seen_at.isoformat(),
                    "clock_ahead_seconds": view.worker.clock_ahead,
                    "jobs": [str(job.pk) for job in view.holds],
                }
                for view in self.workers
            ],
        }


def health_collect() -> Health:
    """Ask every part now; never raises for one that is down. Without the database the rest is still told."""
    now = timezone.now()
    database, ahead = _database()
    broker = broker_probe(settings.REDIS_URL, QUEUES)
    parts = [_web(), database, _broker(broker), _live(), _gateway(), _store(asks=database.state != DOWN)]
    workers: list[jobs.WorkerView] = []
    if database.state != DOWN:
        workers = jobs.worker_list()
        rows: list[Callable[[], Part]] = [
            lambda: _workers(workers),
            lambda: _beat(now),
            lambda: _clocks(ahead, workers),
            lambda: _queues(broker["queues"], now),
            _targets,
            lambda: _backup(now),
        ]
        parts += [row() for row in rows]
    return Health(*_verdict(parts), parts, workers, now)


def _verdict(parts: Sequence[Part]) -> tuple[str, str, str]:
    down = [part for part in parts if part.state == DOWN]
    warned = [part for part in parts if part.state == WARN]
    if down:
        names = " and ".join(part.title.lower() for part in down)
        return DOWN, f"Down: {names}.", " ".join(part.works for part in down)
    if warned:
        names = ", ".join(part.title.lower() for part in warned)
        return WARN, f"It works, and this needs a look: {names}.", ""
    return OK, "All well.", ""


def _web() -> Part:
    told = build()
    facts = {"version": told.version, "python": told.python}
    return Part("web", "Web", OK, "It answers: this is its answer.", facts=facts)


def _database() -> tuple[Part, float]:
    """The part, and how many seconds this process's clock is ahead of the database's."""
    title = "Database"
    try:
        before = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp(), current_setting('server_version')")
            there, version = cursor.fetchone()
        after = timezone.now()
    except (DatabaseError, OSError) as error:
        works = "Nothing can be read or written; models that are live go on answering, and running jobs go on."
        return Part("database", title, DOWN, f"It does not answer ({type(error).__name__}).", works), 0.0
    took = (after - before).total_seconds()
    ahead = (before + (after - before) / 2 - there).total_seconds()
    text = f"It answers in {_brief(took)}."
    return Part("database", title, OK, text, facts={"version": str(version).split()[0]}), ahead


def _brief(seconds: float) -> str:
    return formats.duration(seconds) if seconds >= 0.001 else "less than 1 ms"


def _broker(told: dict[str, Any]) -> Part:
    if told["health"] == "ok":
        return Part("broker", "Broker", OK, "It answers.", facts={"version": str(told["version"])})
    works = "Pages work; jobs start and pages change a few seconds later than usual, by what is asked again and again."
    return Part("broker", "Broker", DOWN, f"It does not answer ({told['health']}).", works)


def _live() -> Part:
    told = http_probe(f"{settings.LIVE_INTERNAL_URL}/health/live")
    if told == "ok":
        return Part("live", "Live pages", OK, "It answers.")
    return Part("live", "Live pages", DOWN, f"It gives {told}.", "Pages work and ask again every 5 s.")


def _gateway() -> Part:
    told = http_probe(f"{settings.GATEWAY_INTERNAL_URL}/v2/health/live")
    if told == "ok":
        return Part("gateway", "Gateway", OK, "It answers.")
    works = "Everything but predictions: callers of live models get no answer."
    return Part("gateway", "Gateway", DOWN, f"It gives {told}.", works)


def _store(*, asks: bool = True) -> Part:
    """`asks`: the database can be asked about further stores."""
    title = "Stores"
    began = timezone.now()
    try:
        storages["blobs"].exists("0" * 64)
    except Exception as error:  # noqa: BLE001 - each kind of store fails in its own way, and any failure is the answer
        works = "Pages that need no file work; uploads, downloads and jobs that read files fail until it answers."
        return Part("stores", title, DOWN, f"The store of files does not answer ({type(error).__name__}).", works)
    took = (timezone.now() - began).total_seconds()
    usage = shutil.disk_usage(settings.FAIRWAY_HOME if settings.FAIRWAY_HOME.exists() else "/")
    facts = {"disk free": f"{formats.size(usage.free)} of {formats.size(usage.total)}"}
    if usage.free < usage.total * DISK_LEAST:
        works = "Everything works until it is full; then nothing can be written."
        return Part("stores", title, WARN, "The disk of this machine is nearly full.", works, facts)
    failing = stores.faulty() if asks else []
    if failing:
        text = " ".join(f"{one.name}: {one.fault}" for one in failing)
        works = "Everything but files that lie in it, and new files of the teams that use it."
        return Part("stores", title, DOWN, text, works, facts)
    return Part("stores", title, OK, f"Files are found in {_brief(took)}.", facts=facts)


def _workers(views: Sequence[jobs.WorkerView]) -> Part:
    title = "Workers"
    living = [view for view in views if view.lives]
    taking = [view for view in living if view.worker.drained_at is None]
    held = sum(len(view.holds) for view in living)
    facts = {"living": str(len(living)), "jobs held": str(held)}
    versions = sorted({view.worker.version for view in living})
    if not living:
        works = "Pages work and models answer; jobs wait, mail and checks are late."
        return Part("workers", title, DOWN, "No worker says that it lives.", works, facts)
    if not taking:
        works = "What runs goes on to its end; new jobs wait until a worker is resumed."
        return Part("workers", title, WARN, "Every worker is drained: no job starts.", works, facts)
    if len(versions) > 1:
        text = f"They are of different versions: {', '.join(versions)}."
        return Part("workers", title, WARN, text, "Everything works; restart the older ones.", facts)
    word = "worker takes" if len(taking) == 1 else "workers take"
    return Part("workers", title, OK, f"{len(taking)} {word} jobs.", facts=facts)


def _beat(now: datetime) -> Part:
    title, at = "Beat", jobs.beat_at()
    works = "Pages and running jobs; nothing that is done again and again is done: lost jobs stay lost, mail waits."
    if at is None:
        return Part("beat", title, DOWN, "None of its tasks has ever run.", works)
    if now - at > BEAT_LATE:
        return Part("beat", title, DOWN, f"None of its tasks has run since {formats.ago(at, now)}.", works)
    return Part("beat", title, OK, f"Its tasks run; the last {formats.ago(at, now)}.")


def _clocks(ahead: float, views: Sequence[jobs.WorkerView]) -> Part:
    told = {"web": ahead, **{str(view.worker): view.worker.clock_ahead for view in views if view.lives}}
    worst = max(abs(value) for value in told.values())
    # Adding zero makes no minus of a value that rounds to nothing.
    facts = {name: f"{formats.signed(f'{round(value, 2) + 0:.2f}')} s" for name, value in told.items()}
    if worst < CLOCK_WARN:
        text = f"All within {formats.duration(max(worst, 0.001))} of the database's."
        return Part("clocks", "Clocks", OK, text, facts=facts)
    works = "Times on pages are off by that much, and signed links and tokens may end early. Set the clocks by NTP."
    text = f"One is {formats.duration(worst)} off the database's."
    return Part("clocks", "Clocks", DOWN if worst > CLOCK_DOWN else WARN, text, works, facts)


def _queues(depths: dict[str, int] | None, now: datetime) -> Part:
    count, oldest = jobs.waiting_oldest()
    facts = {f"messages in {name}": str(depth) for name, depth in (depths or {}).items()}
    facts["jobs waiting"] = str(count)
    if oldest is None:
        return Part("queues", "Queues", OK, "No job waits.", facts=facts)
    since = oldest.queued_at or oldest.created_at
    facts["waits longest"] = f"job {oldest.number}, since {formats.ago(since, now)}"
    why = compute.standing(oldest.target) if oldest.target else ""
    if now - since > WAIT_LONG:
        text = f"Job {oldest.number} has waited since {formats.ago(since, now)}. {why}".strip()
        return Part("queues", "Queues", WARN, text, "", facts)
    return Part("queues", "Queues", OK, f"{count} wait, the oldest since {formats.ago(since, now)}.", facts=facts)


def _targets() -> Part:
    rows = list(compute.target_list(Actor.system("health")).order_by("name"))
    facts = {row.name: row.get_state_display() for row in rows}
    bad = [row for row in rows if row.state == "DEGRADED"]
    if bad:
        names = ", ".join(row.name for row in bad)
        works = "Jobs on other targets; theirs wait until they answer."
        return Part("targets", "Compute targets", WARN, f"{names}: {bad[0].state_reason}", works, facts)
    taking = sum(compute.accepts(row) for row in rows)
    if not taking:
        works = "Everything but jobs: none starts."
        return Part("targets", "Compute targets", WARN, "None takes jobs.", works, facts)
    return Part("targets", "Compute targets", OK, f"{taking} of {len(rows)} take jobs.", facts=facts)


def _backup(now: datetime) -> Part:
    told = dict(LongTask.objects.filter(key__in=["backup", "restore-drill"]).values_list("key", "updated_at"))
    made, drilled = told.get("backup"), told.get("restore-drill")
    facts = {
        "last backup": formats.ago(made, now) if made else "none is known",
        "last one that was checked": formats.ago(drilled, now) if drilled else "none is known",
    }
    if made is None:
        text = "None was made with this installation: manage.py backup makes one."
        return Part("backup", "Backup", NONE, text, facts=facts)
    if now - made > BACKUP_OLD:
        return Part("backup", "Backup", WARN, f"The last is of {formats.ago(made, now)}.", "", facts)
    return Part("backup", "Backup", OK, f"The last is of {formats.ago(made, now)}.", facts=facts)
