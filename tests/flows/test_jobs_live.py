"""A job seen through the real live process: replay, nudges, a killed live process, polling."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

import tests.flows.kinds  # noqa: F401 - registers the kind in this process too
from apps.accounts.models import User
from apps.jobs import services
from apps.jobs.contracts import FINAL_STATES
from tests.flows.websocket import WebSocket

# The live process is killed under its listeners.
pytestmark = pytest.mark.slow

PROGRAM = """
import time

for number in range(100):
    print("line", number, flush=True)
    time.sleep(0.03)
"""


def cookie_of(actor) -> str:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def test_every_row_arrives_once_though_the_live_process_is_killed(processes, person):
    live = processes.live()
    processes.worker()
    actor, team = person
    cookie = cookie_of(actor)
    assert WebSocket(processes.live_port, origin="http://evil.example", cookie=cookie).refused
    assert WebSocket(processes.live_port, origin=processes.url).refused

    job = services.job_queue(
        actor=actor, team_id=team.pk, kind="flow.program", title="flow", spec={"program": PROGRAM}, files=[]
    )
    rows: list[dict] = []
    killed = False
    browser = WebSocket(processes.live_port, origin=processes.url, cookie=cookie)
    assert not browser.refused
    browser.send({"subscribe": f"job.{job.pk}", "after": 0})
    while not rows or (rows[-1].get("data") or {}).get("state") not in FINAL_STATES:
        try:
            rows += browser.receive().get("rows", [])
        except ConnectionError:
            processes.live()
            browser = WebSocket(processes.live_port, origin=processes.url, cookie=cookie)
            browser.send({"subscribe": f"job.{job.pk}", "after": rows[-1]["seq"]})
        if not killed and sum(len(row.get("lines", [])) for row in rows) > 20:
            killed = True
            processes.kill(live)
    browser.close()

    assert killed
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    lines = [text for row in rows if row["kind"] == "log" for _, text in row["lines"]]
    assert lines == [f"line {number}" for number in range(100)]
