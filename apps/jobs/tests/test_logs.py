"""Long logs: parts of them by line, time, level and text; colours made safe; watchers that lag; removal by rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.audit.models import AuditEvent
from apps.jobs import selectors, services
from apps.jobs.logs import Level, Span, level_of, spans_of
from apps.jobs.models import Job, JobAttempt, JobEvent, LogChunk
from apps.jobs.selectors.replay import BACKLOG_LINES
from apps.jobs.tests.factories import exited, lines_make, running_make
from apps.jobs.web.log import seconds_of
from workers.contracts.jobspec import Line

pytestmark = pytest.mark.django_db


def printed(*texts: str, every: float = 1.0, chunk: int = 100) -> Job:
    """A running job that printed these lines, `every` so many seconds one, in chunks of `chunk`."""
    job, claim, _ = running_make()
    began = JobAttempt.objects.get(job=job).started_at
    assert began is not None
    lines = [Line(10 * (n + 1), began.timestamp() + n * every, text) for n, text in enumerate(texts)]
    for start in range(0, len(lines), chunk):
        services.job_log_append(claim=claim, lines=lines[start : start + chunk])
    job.refresh_from_db()
    return job


def seen_by(job: Job) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=job.created_by_id))
    return client


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("ERROR no such file", Level.ERROR),
        ("\x1b[31merror\x1b[0m: nothing", Level.ERROR),
        ("sklearn.exceptions.NotFittedError: fit first", Level.ERROR),
        ("2026-11-30 08:00:00 WARNING slow", Level.WARNING),
        ("UserWarning: deprecated", Level.WARNING),
        ("no terror, no swarm", Level.PLAIN),
        ("x" * 90 + " error far behind", Level.PLAIN),
    ],
)
def test_the_level_stands_among_the_first_words(text: str, level: Level):
    assert level_of(text) == level


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("\x1b[1;31mbad\x1b[0m and \x1b[92mgood", [("bad", "red bold"), (" and ", ""), ("good", "green")]),
        ("\x1b[38;5;31mx\x1b[48;2;1;31;2my", [("x", ""), ("y", "")]),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x07", [("link", "")]),
        ("\x1b[2J\x1b[10;1Hdone\x08\x07", [("done", "")]),
        ("\x1b[" + "9" * 5000 + "m<b>", [("<b>", "")]),
        ("plain\ttext", [("plain\ttext", "")]),
        ("", [("", "")]),
    ],
)
def test_a_line_only_chooses_among_our_colours(text: str, spans: list[tuple[str, str]]):
    assert spans_of(text) == [Span(*span) for span in spans]


def test_a_hostile_line_is_text_on_the_page():
    job = printed("\x1b[31m<script>alert(1)</script>\x1b[0m", "\x1b]0;owned\x07fine")

    page = seen_by(job).get(f"/jobs/{job.pk}/").content.decode()

    assert '<b class="fw-ansi red">&lt;script&gt;alert(1)&lt;/script&gt;</b>' in page
    assert "<span>fine</span>" in page
    assert "owned" not in page


def test_lines_of_a_level_are_found_without_reading_the_rest():
    texts = [f"step {n}" for n in range(1, 1001)]
    texts[316], texts[700] = "WARNING: slow", "Traceback (most recent call last):"
    job = printed(*texts)

    bad = list(selectors.log_lines(job, levels=Level.WARNING | Level.ERROR))
    worst = list(selectors.log_lines(job, levels=Level.ERROR, after=100))

    assert [line.number for line in bad] == [317, 701]
    assert [line.number for line in worst] == [701]
    assert LogChunk.objects.filter(job=job, levels=int(Level.PLAIN)).count() == 8


def test_chunks_from_before_levels_were_kept_are_looked_into():
    job = printed("one")
    lines = [[60.0, "two"], [61.0, "ERROR three"]]
    LogChunk.objects.create(job=job, attempt=1, seq=900, first_line=2, line_count=2, offset_end=900, lines=lines)

    assert [line.number for line in selectors.log_lines(job, levels=Level.ERROR)] == [3]
    assert selectors.line_at(job, 61.0, 1) == 3


def test_text_is_found_as_it_was_printed():
    job = printed('a "quoted" path\\to', "tab\there", "100 % grün", "\x1b[31mred\x1b[0m word")

    def found(text: str) -> list[int]:
        return [line.number for line in selectors.log_lines(job, text=text)]

    assert (found('"quoted" path\\t'), found("tab\there"), found("% GRÜN"), found("Red"), found("_")) == (
        [1], [2], [3], [4], [],
    )  # fmt: skip


def test_a_time_leads_to_the_line_that_was_printed_then():
    job = printed(*[f"tick {n}" for n in range(300)], every=2.0)

    def line(seconds: float) -> int:
        return selectors.line_at(job, seconds, 1)

    assert (line(0), line(1), line(399.5), line(10_000)) == (1, 2, 201, 300)
    assert selectors.line_at(job, 5, 2) == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3:20", 200), ("1:00:02", 3602), ("90 s", 90), ("2.5s", 2.5), ("0:61", None), ("12", None), ("soon", None)],
)
def test_times_as_people_write_them(text: str, seconds: float | None):
    assert seconds_of(text) == seconds


def test_the_page_shows_any_part_of_a_long_log():
    job = printed(*[f"line <{n}>" for n in range(1, 3001)], chunk=500)
    client = seen_by(job)

    def page(query: str) -> str:
        answer = client.get(f"/jobs/{job.pk}/{query}")
        assert answer.status_code == 200
        return answer.content.decode()

    newest, part, near = page(""), page("?from=1001"), page("?go=1500")
    assert 'data-line="2501"' in newest
    assert 'data-line="2500"' not in newest
    assert "?from=2001#h-log" in newest
    assert 'data-line="1001"' in part
    assert 'data-line="1500"' in part
    assert 'data-line="1501"' not in part
    assert "?from=501#h-log" in part
    assert "?from=1501#h-log" in part
    assert 'id="line-1500"' in near
    assert 'id="line-1"' in page("?go=0:00")
    assert "A line such as 1200" in page("?go=tomorrow")
    assert 'data-line="3000"' in page("?from=99999999999")
    found = page("?find=99>")
    assert "30 lines" in found
    assert 'href="?go=2999#line-2999"' in found
    assert "No line of the log is of this level." in page("?level=error")
    assert 'the first <span class="fw-num">500 lines' in page("?find=line")
    assert page("?from=x&level=<&find=" + "y" * 300)


def test_the_api_filters_and_goes_on():
    job = printed(*[("ERROR " if n % 10 == 0 else "") + f"line {n}" for n in range(1, 101)])
    client = seen_by(job)

    first = client.get(f"/api/v1/jobs/{job.pk}/log?level=error&limit=4").json()
    rest = client.get(f"/api/v1/jobs/{job.pk}/log?level=error&limit=100&after={first['next']}").json()

    assert [line["number"] for line in first["lines"]] == [10, 20, 30, 40]
    assert [line["number"] for line in rest["lines"]] == [50, 60, 70, 80, 90, 100]
    assert rest["next"] == 100
    assert client.get(f"/api/v1/jobs/{job.pk}/log?level=loud").status_code == 400
    assert len(client.get(f"/api/v1/jobs/{job.pk}/log?find=LINE 5").json()["lines"]) == 11


def test_who_lags_far_behind_is_told_what_was_left_out():
    job, claim, _ = running_make()
    texts = [f"line {n}" for n in range(500)]
    for part in range(BACKLOG_LINES // 500 + 10):
        services.job_log_append(claim=claim, lines=lines_make(*texts, start=part * 5000))
    job.refresh_from_db()
    services.job_cancel(actor=actor_of_user(User.objects.get(pk=job.created_by_id)), job_id=job.pk, reason="enough")

    seq, rows = selectors.job_replay(job.pk, 0)
    (gap,) = [row for row in rows if row["kind"] == "gap"]
    assert [row["kind"] for row in rows if row["kind"] != "gap"] == ["state"] * (len(rows) - 1)
    assert gap["data"]["from"] == 1
    lines: list[int] = []
    while rows:
        seq, rows = selectors.job_replay(job.pk, seq)
        lines += [row["first_line"] + n for row in rows if row["kind"] == "log" for n in range(len(row["lines"]))]
    assert lines == list(range(gap["data"]["to"] + 1, job.line_count + 1))
    assert len(lines) < 3_000


def test_who_lags_a_little_gets_every_line_and_event_in_order():
    job, claim, _ = running_make()
    for part in range(100):
        services.job_log_append(claim=claim, lines=lines_make("x", start=part * 10))
        services.usage_append(claim=claim, status=exited(rss_bytes=part), cpu_share=0.5)

    seq, seqs = 0, []
    while True:
        seq, rows = selectors.job_replay(job.pk, seq)
        if not rows:
            break
        seqs += [row["seq"] for row in rows]
    assert seqs == list(range(1, 1 + len(seqs)))
    assert len(seqs) >= 200


def test_what_is_written_while_a_page_is_answered_comes_with_the_next_answer():
    job, claim, _ = running_make()
    services.job_log_append(claim=claim, lines=lines_make("first"))
    written = []

    def meanwhile(execute, statement, *rest):
        if "jobs_jobevent" in statement and statement.startswith("SELECT") and not written:
            written.append(True)
            services.job_log_append(claim=claim, lines=lines_make("second", start=1))
            services.usage_append(claim=claim, status=exited(rss_bytes=1), cpu_share=0.5)
        return execute(statement, *rest)

    with connection.execute_wrapper(meanwhile):
        seq, rows = selectors.job_replay(job.pk, 0)
    _, more = selectors.job_replay(job.pk, seq)

    assert written
    assert [row["seq"] for row in [*rows, *more]] == list(range(1, len(rows) + len(more) + 1))
    assert [row["kind"] for row in more] == ["log", "usage"]


def test_old_logs_go_by_rule_and_say_so():
    job = printed("one", "two")
    young = printed("three")
    for one, days in ((job, 40), (young, 20)):
        ended = timezone.now() - timedelta(days=days)
        Job.objects.filter(pk=one.pk).update(state=Job.State.SUCCEEDED, ended_at=ended)

    assert services.logs_retain(days=0) == 0
    assert services.logs_retain(days=30) == 1
    assert services.logs_retain(days=30) == 0

    assert not LogChunk.objects.filter(job=job).exists()
    assert set(JobEvent.objects.filter(job=job).values_list("kind", flat=True)) == {"state"}
    assert LogChunk.objects.filter(job=young).exists()
    client = seen_by(job)
    assert "2 lines</span> were removed on" in client.get(f"/jobs/{job.pk}/").content.decode()
    assert b"2 lines were removed" in b"".join(client.get(f"/api/v1/jobs/{job.pk}/log.txt"))
    told = client.get(f"/api/v1/jobs/{job.pk}/log").json()
    assert (told["lines"], told["line_count"], told["removed_at"] is None) == ([], 2, False)
    entry = AuditEvent.objects.get(action="job.log_remove")
    assert entry.object_id == str(job.pk)
