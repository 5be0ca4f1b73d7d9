"""The socket against real PostgreSQL and Valkey."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

from apps.accounts.models import Grant, User
from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Role
from apps.jobs import services
from apps.jobs.tests.factories import exited, job_make, lines_make, probe_kind, running_make, scientist
from apps.live import access, consumer
from apps.live.tests.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)

application = import_string(settings.ASGI_APPLICATION)


@pytest.fixture(autouse=True)
def _kind(settings):
    settings.JOB_SLOTS = 50
    probe_kind()


def origin() -> str:
    return f"http://127.0.0.1:{settings.PORTS['web']}"


def cookie_of(actor) -> str:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def socket(cookie: str = "", given_origin: str | None = None) -> Socket:
    headers = [(b"origin", (given_origin if given_origin is not None else origin()).encode())]
    if cookie:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
    return Socket(application, headers)


async def rows_until(live: Socket, seq: int) -> list[dict]:
    """Rows of the job topic until `seq` has come."""
    rows: list[dict] = []
    while not rows or rows[-1]["seq"] < seq:
        message = await live.hear()
        rows += message.get("rows", [])
    return rows


async def finished(live: Socket) -> None:
    """Close and free the connections of this event loop."""
    await live.leave()
    await get_channel_layer().flush()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "http://127.0.0.1:1",
        "https://127.0.0.1:8000",
        "http://evil.example:8000",
        "null",
        "http://127.0.0.1:99999999",
    ],
)
def test_other_pages_may_not_connect(bad):
    actor, _ = scientist()
    cookie = cookie_of(actor)

    async def story() -> bool:
        connected, _ = await socket(cookie, bad).connect()
        return connected

    assert async_to_sync(story)() is False


def test_without_a_session_there_is_no_socket():
    async def story() -> tuple[bool, int]:
        return await socket().connect()

    assert async_to_sync(story)() == (False, 4401)


def test_replay_comes_first_and_then_what_happens():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_log_append(claim=claim, lines=lines_make("early"))
    cookie = cookie_of(actor)

    async def story() -> list[dict]:
        live = socket(cookie)
        assert (await live.connect())[0]
        await live.tell({"subscribe": f"job.{job.pk}", "after": 2})
        rows = await rows_until(live, 4)
        await sync_to_async(services.job_log_append)(claim=claim, lines=lines_make("early", "late"))
        await sync_to_async(services.job_finish)(claim=claim, status=exited())
        rows += await rows_until(live, 6)
        await finished(live)
        return rows

    rows = async_to_sync(story)()
    assert [row["seq"] for row in rows] == [3, 4, 5, 6]
    assert [line[1] for row in rows if row["kind"] == "log" for line in row["lines"]] == ["early", "late"]
    assert rows[-1]["data"]["state"] == "SUCCEEDED"


def test_a_long_replay_comes_in_parts_without_gap():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    for number in range(450):
        services.job_log_append(claim=claim, lines=lines_make(str(number), start=number * 10))
    cookie = cookie_of(actor)

    async def story() -> list[dict]:
        live = socket(cookie)
        await live.connect()
        await live.tell({"subscribe": f"job.{job.pk}", "after": 0})
        rows = await rows_until(live, 453)
        await finished(live)
        return rows

    assert [row["seq"] for row in async_to_sync(story)()] == list(range(1, 454))


def test_a_lost_nudge_is_made_up_for_by_the_sweep(monkeypatch):
    monkeypatch.setattr(consumer, "SWEEP_SECONDS", 0.3)
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    cookie = cookie_of(actor)

    async def story() -> list[dict]:
        live = socket(cookie)
        await live.connect()
        await live.tell({"subscribe": f"job.{job.pk}", "after": 3})
        await live.hear()  # the beat of the first sweep: nothing new so far
        monkeypatch.setattr("apps.core.topics.group_publish", lambda *args: False)
        await sync_to_async(services.job_log_append)(claim=claim, lines=lines_make("quiet"))
        rows = await rows_until(live, 4)
        await finished(live)
        return rows

    assert [row["kind"] for row in async_to_sync(story)()] == ["log"]


def test_foreign_and_unknown_topics_are_refused_alike():
    actor, _ = scientist()
    foreign = job_make()
    cookie = cookie_of(actor)
    topics = [f"job.{foreign.pk}", f"job.{uuid.uuid4()}", "job.x", "nothing.1", "job", f"team.{foreign.team_id}"]

    async def story() -> list[dict]:
        live = socket(cookie)
        await live.connect()
        answers = []
        for topic in topics:
            await live.tell({"subscribe": topic, "after": 0})
            answers.append(await live.hear())
        await finished(live)
        return answers

    assert [answer["error"] for answer in async_to_sync(story)()] == ["forbidden"] * 6


def test_rights_that_end_are_felt_at_the_next_sweep(monkeypatch):
    monkeypatch.setattr(consumer, "SWEEP_SECONDS", 0.3)
    actor, team = scientist()
    job, _, _ = running_make(actor=actor, team=team)
    cookie = cookie_of(actor)

    async def story() -> dict:
        live = socket(cookie)
        await live.connect()
        await live.tell({"subscribe": f"job.{job.pk}", "after": 0})
        await rows_until(live, 3)
        await sync_to_async(Grant.objects.filter(user_id=actor.id).delete)()
        while "error" not in (message := await live.hear()):
            assert "beat" in message
        await sync_to_async(User.objects.filter(pk=actor.id).update)(is_active=False)
        while (output := await live.receive_output(3))["type"] != "websocket.close":
            pass
        await get_channel_layer().flush()
        return {**message, **output}

    told = async_to_sync(story)()
    assert (told["error"], told["code"]) == ("forbidden", 4401)


def test_what_cannot_be_read_is_answered_and_does_no_harm():
    actor, _ = scientist()
    cookie = cookie_of(actor)
    bad = ["{", "[]", '{"x": 1}', "[" * 1500, json.dumps({"subscribe": "job.1", "after": "x"}), "x" * 3000]

    async def story() -> list[str]:
        live = socket(cookie)
        await live.connect()
        answers = []
        for text in bad:
            await live.tell(text)
            answers.append((await live.hear())["error"])
        await live.tell({"ping": 7})
        assert await live.hear() == {"pong": 7}
        await finished(live)
        return answers

    assert async_to_sync(story)() == ["unreadable", "unreadable", "unknown", "unreadable", "unreadable", "unreadable"]


def test_the_count_of_a_team_is_told_when_it_changes():
    actor, team = scientist()
    cookie = cookie_of(actor)

    async def story() -> list[int]:
        live = socket(cookie)
        await live.connect()
        await live.tell({"subscribe": f"team.{team.pk}", "after": 0})
        counts = [(await live.hear())["rows"][0]["data"]["running"]]
        await sync_to_async(job_make)(actor, team)
        counts.append((await live.hear())["rows"][0]["data"]["running"])
        await finished(live)
        return counts

    assert async_to_sync(story)() == [0, 1]


def test_the_polling_twin_gives_the_same_rows():
    actor, team = scientist()
    job, claim, _ = running_make(actor=actor, team=team)
    services.job_log_append(claim=claim, lines=lines_make("one"))
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    address = f"/live/replay?topic=job.{job.pk}"

    first = client.get(f"{address}&after=0").json()
    rest = client.get(f"{address}&after=3").json()

    assert (first["seq"], len(first["rows"])) == (4, 4)
    assert [row["kind"] for row in rest["rows"]] == ["log"]
    assert client.get(f"{address}&after=4").json()["rows"] == []
    assert client.get(f"{address}&after=x").status_code == 400
    assert client.get(f"/live/replay?topic=job.{job_make().pk}").status_code == 404
    assert Client().get(f"{address}&after=0").status_code == 401


def test_the_live_process_serves_nothing_else():
    async def ask(path: str) -> tuple[int, dict]:
        sent: list[dict] = []

        async def send(message: dict) -> None:
            sent.append(message)

        async def receive() -> dict:
            return {"type": "http.request"}

        await application({"type": "http", "path": path, "headers": []}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    assert asyncio.run(ask("/health/live")) == (200, {"status": "ok"})
    status, body = asyncio.run(ask("/jobs/"))
    assert (status, body["code"]) == (404, "not_found")


def test_pages_of_the_public_address_and_of_this_machine_are_ours(settings):
    settings.PUBLIC_URL = "https://fairway.example"
    settings.ALLOWED_HOSTS = ["fairway.example", "127.0.0.1", ".wild.example", "*"]

    def ours(url: str) -> bool:
        return access.origin_valid([(b"origin", url.encode())])

    assert ours("https://fairway.example")
    assert ours("https://FAIRWAY.example:443")
    assert ours(f"http://127.0.0.1:{settings.PORTS['web']}")
    assert not ours("http://fairway.example")
    assert not ours("https://fairway.example:8443")
    assert not ours("https://a.wild.example")
    assert not ours("file:///tmp/x.html")
    assert not access.origin_valid([])
    assert not access.origin_valid([(b"origin", b"https://fairway.example")] * 2)


def test_an_ended_session_is_nobody():
    actor = actor_make(Role.VIEWER, team_make())
    cookie = cookie_of(actor)

    assert access.actor_of_session(cookie).id == actor.id
    User.objects.get(pk=actor.id).delete()
    assert not access.actor_of_session(cookie).is_authenticated
    assert not access.actor_of_session("odd").is_authenticated
    assert not access.actor_of_session(None).is_authenticated
