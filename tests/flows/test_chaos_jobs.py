"""Jobs while networks stall, the database is slow or full of callers, clocks jump, disks fill and versions change.

Whatever happens, each job ends in exactly one final state with a cause, and no line is lost or doubled.
"""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection

from apps.jobs import selectors
from apps.jobs.models import JobEvent
from tests.flows.processes import Processes, database_url, port_free, wait_for
from tests.flows.proxy import Proxy, to_tcp, to_unix
from tests.flows.test_jobs_faults import COUNTING, check_told_once, ended, launch, lines_of

# Networks, clocks and processes are broken under running jobs.
pytestmark = [pytest.mark.slow, pytest.mark.chaos]


# Counts, and asks the web now and then with its run token.
ASKING = """
import os, time, urllib.request

headers = {"Authorization": "Bearer " + os.environ["FAIRWAY_TOKEN"]}
for number in range(400):
    if number % 50 == 0:
        asked = urllib.request.Request(os.environ["FAIRWAY_URL"] + "/api/v1/attempt", headers=headers)
        urllib.request.urlopen(asked, timeout=20).read()
    print("line", number, flush=True)
    time.sleep(0.06)
"""


@pytest.fixture
def broker_line(processes: Processes) -> Iterator[Proxy]:
    """A relay to a Valkey of this test's own; every process reaches it through there."""
    direct = port_free()
    processes.redis_url = f"redis://127.0.0.1:{direct}/0"
    processes.valkey()
    proxy = Proxy(to_tcp("127.0.0.1", direct))
    processes.redis_url = f"redis://127.0.0.1:{proxy.port}/0"
    yield proxy
    proxy.close()


@pytest.fixture
def database_line(processes: Processes) -> Iterator[Proxy]:
    """A relay to the test's database; every process reaches it through there."""
    told = connection.settings_dict
    host, port = str(told["HOST"]), int(told["PORT"] or 5432)
    proxy = Proxy(to_unix(f"{host}/.s.PGSQL.{port}") if host.startswith("/") else to_tcp(host, port))
    user = urlsplit(database_url()).netloc.rpartition("@")[0]
    processes.database_url = f"postgres://{user}@127.0.0.1:{proxy.port}/{told['NAME']}"
    yield proxy
    proxy.close()


def check_whole(job, count: int, attempts: int = 1) -> None:
    """It succeeded in so many attempts, and the last one's lines are all there, once."""
    ended(job, 90)
    assert (job.state, job.attempt_number) == ("SUCCEEDED", attempts), job.cause
    assert lines_of(job, attempts) == [f"line {n}" for n in range(count)]
    assert [attempt.number for attempt in selectors.attempt_list(job)] == list(range(1, attempts + 1))
    check_told_once(job)


def test_a_broker_behind_a_silent_network_delays_and_loses_nothing(processes, person, broker_line):
    worker = processes.worker()
    processes.beat()
    running = launch(person, COUNTING.format(count=200, pause=0.04))
    wait_for(lambda: len(lines_of(running)) >= 10, why="the first lines")

    broker_line.hold()
    waiting = launch(person, COUNTING.format(count=3, pause=0.01))
    count = len(lines_of(running))
    wait_for(lambda: len(lines_of(running)) > count + 60, why="lines without a broker")
    broker_line.release()
    broker_line.cut()
    broker_line.mend()

    check_whole(running, 200)
    check_whole(waiting, 3)
    assert worker.poll() is None


def test_a_slow_database_slows_and_loses_nothing(processes, person, database_line):
    processes.worker()
    processes.beat()
    running = launch(person, COUNTING.format(count=100, pause=0.05))
    wait_for(lambda: len(lines_of(running)) >= 5, why="the first lines")

    database_line.delay_s = 0.15
    waiting = launch(person, COUNTING.format(count=3, pause=0.01))

    check_whole(running, 100)
    check_whole(waiting, 3)
    assert not JobEvent.objects.filter(job=running, kind="adopted").exists()


def test_a_database_that_falls_silent_and_drops_everybody_loses_nothing(processes, person, database_line):
    processes.worker()
    processes.beat()
    job = launch(person, COUNTING.format(count=200, pause=0.04))
    wait_for(lambda: len(lines_of(job)) >= 10, why="the first lines")
    pause = threading.Event()

    for _ in range(3):
        database_line.hold()
        pause.wait(1)
        database_line.cut()
        database_line.release()
        pause.wait(1)
        database_line.mend()
        pause.wait(1)

    check_whole(job, 200)


def test_a_database_without_a_free_connection_delays_and_loses_nothing(processes, person):
    processes.worker()
    processes.beat()
    running = launch(person, COUNTING.format(count=200, pause=0.04))
    wait_for(lambda: len(lines_of(running)) >= 10, why="the first lines")
    waiting = launch(person, COUNTING.format(count=3, pause=0.01))
    pause = threading.Event()

    with ExitStack() as held:
        while _connect(held):
            _drop_others()
        pause.wait(3)

    check_whole(running, 200)
    check_whole(waiting, 3)


def _connect(held: ExitStack) -> bool:
    """Takes a connection; False when the database has none left."""
    try:
        held.enter_context(psycopg.connect(database_url()))
    except psycopg.OperationalError:
        return False
    return True


def _drop_others() -> None:
    """Ends the connections of the product's processes, which then find no free one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name <> '' AND state <> 'active'"
        )


@pytest.mark.parametrize("hours", [3, -3])
def test_a_clock_that_jumps_ends_no_job_and_stops_no_repair(processes, person, tmp_path, hours):
    """With a broker of their own, so that the message of every launch here is lost and beat has to find the job."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    processes.more = {"DJANGO_SETTINGS_MODULE": "tests.flows.clock", "FLOW_CLOCK": str(clock)}
    processes.redis_url = f"redis://127.0.0.1:{port_free()}/0"
    processes.valkey()
    processes.web()
    processes.worker()
    processes.beat()
    job = launch(person, ASKING)
    wait_for(lambda: len(lines_of(job)) >= 10, why="the first lines")

    clock.write_text(str(hours * 3600))
    lost = launch(person, COUNTING.format(count=3, pause=0.01))

    check_whole(lost, 3)
    job.refresh_from_db()
    assert job.state == "RUNNING", "the end of this one offers the other, whatever the clock says"
    check_whole(job, 400)


def test_a_full_disk_ends_a_job_with_its_cause(processes, person):
    worker = processes.worker()
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))

    job = launch(person, "for number in range(20000): print('line', number, 'x' * 80, flush=True)")

    ended(job, 90)
    assert job.state == "FAILED"
    assert "disk" in job.cause.lower() or "space" in job.cause.lower(), job.cause
    texts = lines_of(job, job.attempt_number)
    printed = [text for text in texts if text.startswith("line ")]
    assert [int(text.split()[1]) for text in printed] == list(range(len(printed)))
    assert len(printed) > 1000
    check_told_once(job)


def test_a_new_version_takes_over_what_the_old_one_runs(processes, person):
    old = processes.worker()
    processes.beat()
    job = launch(person, COUNTING.format(count=200, pause=0.05))
    wait_for(lambda: len(lines_of(job)) >= 10, why="the first lines")

    old.send_signal(signal.SIGTERM)
    new = processes.worker()
    pause = threading.Event()
    pause.wait(1)
    if old.poll() is None:
        processes.kill(old)

    check_whole(job, 200)
    assert new.poll() is None


def test_a_killed_beat_comes_back_and_offers_what_was_forgotten(processes, person, broker):
    processes.worker()
    beat = processes.beat()
    processes.kill(beat)
    job = launch(person, COUNTING.format(count=3, pause=0.01))
    broker.delete("jobs", "default")

    processes.beat()

    check_whole(job, 3)
