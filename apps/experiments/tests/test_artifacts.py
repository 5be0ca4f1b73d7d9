"""The browser of a run's files: what is shown of each kind, and what hostile files may not do."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make, team_make
from apps.core.actors import Role
from apps.experiments import selectors, services
from apps.experiments.tests.factories import artifact_make, experiment_make, run_make, scientist
from apps.experiments.tests.test_web import browser, text_of
from apps.experiments.web.previews import TEXT_BYTES, preview_of

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40


@pytest.fixture
def stage():
    actor, team = scientist()
    return actor, team, run_make(actor, experiment_make(actor, team))


def shown(stage, path, content):
    actor, _, run = stage
    return preview_of(artifact_make(actor, run, path, content))


def parquet_bytes(table):
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def test_each_kind_is_shown_as_what_it_is(stage):
    text = shown(stage, "log.txt", "grüße\n".encode())
    values = shown(stage, "conf.json", b'{"b": 1, "a": [1, 2]}')
    table = shown(stage, "t.csv", b'name,age\n"Doe, J",3\nB,\n')
    logged = shown(stage, "eval.json", json.dumps({"columns": ["q", "a"], "data": [["x", 1], ["y", None]]}).encode())
    rows = shown(stage, "t.parquet", parquet_bytes(pa.table({"a": [1, 2], "b": ["x", None]})))

    assert (text.kind, text.text) == ("text", "grüße\n")
    assert (values.kind, values.text) == ("text", '{\n  "b": 1,\n  "a": [\n    1,\n    2\n  ]\n}')
    assert (table.kind, table.columns) == ("table", [("name", ""), ("age", "")])
    assert table.rows == [["Doe, J", "3"], ["B", ""]]
    assert (logged.kind, logged.rows) == ("table", [["x", "1"], ["y", None]])
    assert (rows.kind, rows.columns) == ("table", [("a", "int64"), ("b", "string")])
    assert rows.rows == [["1", "x"], ["2", None]]
    assert shown(stage, "plot.png", PNG).kind == "image"
    assert shown(stage, "report.html", b"<p>hi").kind == "page"


def test_large_files_are_shown_from_their_beginning(stage):
    text = shown(stage, "big.txt", b"line\n" * TEXT_BYTES)
    table = shown(stage, "big.csv", b"a,b\n" + b"1,2\n" * TEXT_BYTES)

    assert len(text.text) == TEXT_BYTES
    assert text.note == "The first 256\u202fKiB of 1.25\u202fMiB."
    assert len(table.rows) == 200
    assert table.note == "The first 200 rows."


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("plot.png", b"<svg onload=alert(1)>"),
        ("model.bin", b"\x80\x04\x95junk\xff"),
        ("t.parquet", b"PAR1junkPAR1"),
        ("t.csv", b"\xff\xfe\x00a"),
        ("empty.txt", b""),
    ],
)
def test_what_cannot_be_shown_says_why_and_is_still_there(stage, path, content):
    actor, _, run = stage
    preview = shown(stage, path, content)
    page = browser(actor).get(reverse("run-artifacts", args=[run.pk]), {"file": path})

    assert preview.kind == "none"
    assert preview.note in text_of(page)
    assert page.context["download"] == reverse("run-file", args=[run.pk, path])


@pytest.mark.parametrize(
    "content", [b"{" * 200_000, b"[" * 100_000 + b"]" * 100_000, b'{"columns": [], "data": 5}', b"nul\x00"]
)
def test_hostile_json_is_text_or_nothing(stage, content):
    assert shown(stage, "x.json", content).kind in ("text", "none")


def test_folders_lead_down_and_up(stage):
    actor, _, run = stage
    for path in ("top.txt", "plots/a.png", "plots/deep/b.png", "plots/deep/c.png"):
        artifact_make(actor, run, path, PNG)
    folders, files = selectors.folder_entries(selectors.artifact_list(run_id=run.pk), "")
    inner, inner_files = selectors.folder_entries(selectors.artifact_list(run_id=run.pk), "plots")
    page = text_of(browser(actor).get(reverse("run-artifacts", args=[run.pk]), {"file": "plots/deep/b.png"}))

    assert [(one.name, one.count) for one in folders] == [("plots", 3)]
    assert [file.path for file in files] == ["top.txt"]
    assert [(one.path, one.count) for one in inner] == [("plots/deep", 2)]
    assert [file.path for file in inner_files] == ["plots/a.png"]
    assert f'src="{reverse("run-picture", args=[run.pk, "plots/deep/b.png"])}"' in page
    assert "?folder=plots" in page


def test_a_page_is_framed_without_anything_that_runs(stage):
    actor, _, run = stage
    artifact_make(actor, run, "report.html", b"<script>alert(1)</script><p>hi</p>")
    client = browser(actor)

    page = client.get(reverse("run-artifacts", args=[run.pk]), {"file": "report.html"})
    frame = client.get(reverse("run-frame", args=[run.pk, "report.html"]))

    address = reverse("run-frame", args=[run.pk, "report.html"])
    assert f'<iframe class="fw-files__page" src="{address}" sandbox title="report.html"' in text_of(page)
    assert page["Content-Security-Policy"].endswith("; frame-src 'self'")
    policy = frame["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert not any("script" in rule or "allow" in rule for rule in policy)
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_a_picture_is_what_its_bytes_say(stage):
    actor, _, run = stage
    artifact_make(actor, run, "plot.gif", PNG)
    artifact_make(actor, run, "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    artifact_make(actor, run, "fake.png", b"<html><script>alert(1)</script>")
    client = browser(actor)

    picture = client.get(reverse("run-picture", args=[run.pk, "plot.gif"]))

    assert picture["Content-Type"] == "image/png"
    assert picture["X-Content-Type-Options"] == "nosniff"
    assert picture["Content-Security-Policy"] == "sandbox; default-src 'none'"
    for path in ("drawing.svg", "fake.png"):
        assert client.get(reverse("run-picture", args=[run.pk, path])).status_code == 404
        assert client.get(reverse("run-frame", args=[run.pk, path])).status_code == 404


def test_another_team_finds_no_file_by_any_door(stage):
    actor, _, run = stage
    artifact_make(actor, run, "report.html", b"<p>secret")
    other = browser(actor_make(Role.DATA_SCIENTIST, team_make(name="Elsewhere")))

    for name in ("run-file", "run-picture", "run-frame"):
        assert other.get(reverse(name, args=[run.pk, "report.html"])).status_code == 404
    assert other.get(reverse("run-artifacts", args=[run.pk])).status_code == 404


def test_a_logged_model_shows_its_signature(stage):
    actor, _, run = stage
    model = services.logged_model_create(
        actor=actor, experiment_number=run.experiment.number, name="m", source_run_id=run.pk
    )
    signature = json.dumps([{"name": "age", "type": "long", "required": True}])
    described = f"flavors: {{}}\nsignature:\n  inputs: '{signature}'\n".encode()
    services.artifact_store(actor=actor, logged_model_id=model.pk, path="MLmodel", chunks=[described])

    page = browser(actor).get(reverse("run-artifacts", args=[run.pk]), {"model": str(model.pk)})

    assert page.context["signature"] == [("input", "age", "INT64")]
    for wrong in ("nonsense", "0190b5c0-0000-7000-8000-000000000000"):
        assert browser(actor).get(reverse("run-artifacts", args=[run.pk]), {"model": wrong}).status_code == 404
    for odd in ("../../etc/passwd", "a\x00b", "no-such-file"):
        assert browser(actor).get(reverse("run-artifacts", args=[run.pk]), {"file": odd}).status_code == 404
