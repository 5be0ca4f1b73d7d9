"""Jobs while Valkey or the database goes away and comes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from apps.jobs import selectors
from apps.jobs.contracts import FINAL_STATES
from tests.flows.processes import port_free, wait_for
from tests.flows.test_jobs_faults import COUNTING, check_told_once, ended, launch, lines_of
from tests.flows.test_jobs_live import cookie_of
from tests.flows.websocket import WebSocket

# Servers are taken away from running jobs.
pytestmark = [pytest.mark.slow, pytest.mark.chaos]


def test_jobs_and_listeners_get_over_a_restart_of_valkey(processes, person):
    processes.redis_url = f"redis://127.0.0.1:{port_free()}/0"
    valkey = processes.valkey()
    processes.live()
    worker = processes.worker()
    processes.beat()
    running = launch(person, COUNTING.format(count=200, pause=0.04))
    browser = WebSocket(processes.live_port, origin=processes.url, cookie=cookie_of(person[0]))
    browser.send({"subscribe": f"job.{running.pk}", "after": 0})
    wait_for(lambda: len(lines_of(running)) >= 10, why="the first lines")

    processes.kill(valkey)
    waiting = launch(person, COUNTING.format(count=3, pause=0.01))
    count = len(lines_of(running))
    wait_for(lambda: len(lines_of(running)) > count + 40, why="lines without Valkey")
    processes.valkey()

    rows: list[dict[str, Any]] = []
    while not rows or (rows[-1].get("data") or {}).get("state") not in FINAL_STATES:
        rows += browser.receive().get("rows", [])
    browser.close()
    for job, lines in ((running, 200), (waiting, 3)):
        ended(job)
        assert (job.state, job.attempt_number) == ("SUCCEEDED", 1), job.cause
        assert lines_of(job) == [f"line {n}" for n in range(lines)]
        check_told_once(job)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert worker.poll() is None


def test_jobs_get_over_cut_database_connections(processes, person):
    worker = processes.worker()
    processes.beat()
    job = launch(person, COUNTING.format(count=150, pause=0.04))
    wait_for(lambda: len(lines_of(job)) >= 5, why="the first lines")
    pause = threading.Event()

    for _ in range(5):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        pause.wait(0.4)

    ended(job)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", 1), job.cause
    assert lines_of(job) == [f"line {n}" for n in range(150)]
    assert [attempt.number for attempt in selectors.attempt_list(job)] == [1]
    check_told_once(job)
    assert worker.poll() is None
