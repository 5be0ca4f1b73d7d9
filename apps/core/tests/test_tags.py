"""Template tags: states, forms, figures, the strip and the rail; nothing that a strict content policy would refuse."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from django import forms
from django.apps import apps
from django.contrib.auth.models import Permission
from django.db import models
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils.safestring import SafeString

from apps.core import registries
from apps.core.actors import Actor
from apps.core.registries import NavEntry, Station
from apps.core.states import _LOOKS

ROOT = Path(__file__).resolve().parents[3]


def draw(text: str, **context: object) -> str:
    return engines["django"].from_string(text).render(context, RequestFactory().get("/jobs/"))


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


class LaunchForm(forms.Form):
    name = forms.CharField(label="Experiment", help_text="Seen in lists.")
    rate = forms.FloatField(label="Rate", max_value=1)
    rows = forms.IntegerField(label="Rows", required=False)
    stop = forms.BooleanField(label="Stop early", required=False)
    where = forms.ChoiceField(label="Where", choices=[("a", "here"), ("b", "there")], widget=forms.RadioSelect)


def test_field_has_label_help_unit_and_says_what_is_optional():
    html = draw('{% field form.rows unit="%" help="Of a tree." %}', form=LaunchForm())

    assert '<label for="id_rows">Rows <span class="fw-opt">optional</span></label>' in html
    assert 'aria-describedby="id_rows_help"' in html
    assert "<span>%</span>" in html


def test_first_bad_field_gets_the_focus_and_its_error_is_tied_to_it():
    form = LaunchForm({"name": "", "rate": "2", "where": "a"})

    first, second = draw("{% field form.name %}", form=form), draw("{% field form.rate %}", form=form)

    assert "autofocus" in first
    assert 'aria-describedby="id_name_help id_name_error"' in first
    assert 'aria-invalid="true"' in first
    assert "autofocus" not in second
    assert "2 fields to correct" in draw("{% form_errors form %}", form=form)


def test_choices_are_a_fieldset_and_a_check_stands_beside_its_label():
    assert "<fieldset" in draw("{% field form.where %}", form=LaunchForm())
    assert "fw-in" not in draw("{% field form.where %}", form=LaunchForm())
    assert draw("{% field form.stop %}", form=LaunchForm()).index("<input") < draw(
        "{% field form.stop %}", form=LaunchForm()
    ).index("<label")


def test_figure_keeps_its_numbers_beside_it_and_its_data_inert():
    html = draw(
        "{% figure figure=f title=t columns=c rows=r %}",
        t="A < B",
        f={"data": [{"name": "</script><script>alert(1)</script>"}]},
        c=["Step", "Loss"],
        r=[("1", "0.5")],
    )

    block = re.search(r'<script type="application/json">(.*?)</script>', html, re.S)
    assert block
    assert json.loads(block.group(1))["data"][0]["name"].startswith("</script>")
    assert html.count("<script") == 1
    assert "A &lt; B" in html
    assert "data-twin" in html


def test_code_and_ids_are_escaped():
    html = draw("{% code given %}{% short_id given %}", given='"><img src=x>')

    assert "<img" not in html


def station(key: str, **values: object) -> Station:
    return Station(key=key, name=key.title(), **values)  # type: ignore[arg-type]


@pytest.fixture
def stations(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "question": station(
            "question", state="accepted", tone="good", ahead=False, object_label="Version 2", object_url="/q/"
        ),
        "evaluation": station("evaluation", state="1 gate fails", tone="bad", ahead=False, object_url="/e/"),
        "approval": station(
            "approval",
            state="waits",
            tone="info",
            here=True,
            ahead=False,
            say="You decide.",
            ships=(("v3 candidate", "candidate"),),
        ),
        "live": station("live", state="healthy", tone="good", live=True, ships=(("v2 live", "live"),)),
        "watch": station("watch"),
    }
    sources = {key: (lambda actor, problem_id, row=row: row) for key, row in rows.items()}
    monkeypatch.setattr(registries, "_stations", sources)


@pytest.mark.usefixtures("stations")
def test_full_strip_says_who_moves_and_carries_the_versions():
    html = draw("{% fairway_strip p full=True %}", p=uuid.uuid4(), actor=Actor.system())

    assert "You decide." in html
    assert 'aria-current="step"' in html
    assert "fw-ship--live" in html
    assert "is-ahead" in html
    assert "t-bad" in html


@pytest.mark.usefixtures("stations")
def test_slim_strip_marks_its_own_station():
    problem_id = uuid.uuid4()
    html = draw('{% fairway_strip p here="evaluation" now=True %}', p=problem_id, actor=Actor.system())

    assert '<a href="/e/" aria-current="page">' in html
    assert html.count("aria-current") == 1
    assert "1 gate fails" in words(html)
    assert f'hx-get="/problems/{problem_id}/strip/?here=evaluation"' in html
    assert 'hx-trigger="fw:changed from:body"' in html, "it is drawn again when a part of its page changes"


@pytest.mark.usefixtures("stations")
def test_slim_strip_comes_after_its_page():
    problem_id = uuid.uuid4()

    html = draw('{% fairway_strip p here="evaluation" %}', p=problem_id, actor=Actor.system())

    assert f'hx-get="/problems/{problem_id}/strip/?here=evaluation"' in html
    assert "1 gate fails" not in words(html)
    assert f'href="/problems/{problem_id}/"' in html


@pytest.mark.usefixtures("stations")
def test_slim_strip_of_one_of_several_names_what_a_state_is_of(monkeypatch: pytest.MonkeyPatch):
    newest = station(
        "evaluation", state="1 gate fails", tone="bad", object_label="Evaluation 7", of="v3", object_url="/e/"
    )
    monkeypatch.setitem(registries._stations, "evaluation", lambda actor, problem_id: newest)

    html = draw('{% fairway_strip p here="evaluation" now=True named=True %}', p=uuid.uuid4(), actor=Actor.system())

    assert "v3: 1 gate fails" in words(html)


def test_strip_of_a_stranger_is_empty():
    assert draw("{% fairway_strip p %}", p=uuid.uuid4(), actor=None).strip() == ""


def rail_entry(key: str, url_name: str, **values: object) -> NavEntry:
    return NavEntry(key=key, label=key.title(), icon="home", url_name=url_name, order=1, **values)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_rail_leaves_out_what_is_not_built_and_marks_where_the_page_lies():
    entries = [
        rail_entry("home", "home"),
        rail_entry(
            "jobs",
            "job-list",
            counted=lambda actor, team_id: Permission.objects.filter(
                codename__in=["add_user", "view_user", "delete_user"]
            ),
            shortcut="j",
        ),
        rail_entry("moon", "moon-list"),
    ]

    html = draw("{% rail %}{% tabbar %}", navigation=entries, actor=Actor.system(), team=SimpleNamespace(pk=None))

    assert "Moon" not in html
    assert html.count('aria-current="page"') == 2
    assert 'data-go="j"' in html
    assert '<span class="fw-count">3</span>' in html


def test_rights_decide_what_is_drawn():
    assert words(draw('{% can "job.run" as ok %}{{ ok }}', actor=Actor.system())) == "True"
    assert words(draw('{% can "job.run" as ok %}{{ ok }}', actor=Actor.anonymous())) == "False"
    assert words(draw('{% can "job.run" as ok %}{{ ok }}', actor=None)) == "False"


def test_every_state_of_every_model_has_a_look_of_its_own():
    known = {code.upper() for code in _LOOKS}
    missing = {
        f"{model.__name__}.{field.name}: {value}"
        for model in apps.get_models()
        if model.__module__.startswith("apps.")
        for field in model._meta.get_fields()
        if isinstance(field, models.Field) and field.name in ("state", "outcome", "vote")
        for value, _ in field.choices or ()
        if str(value).upper() not in known
    }

    assert not missing


def test_icons_that_templates_and_rooms_name_are_in_the_sprite():
    listed = set((ROOT / "frontend" / "icons" / "outline.txt").read_text().split())
    used: dict[str, str] = {}
    for path in [*(ROOT / "frontend" / "templates").rglob("*.html"), *(ROOT / "apps").rglob("*.html")]:
        for name in re.findall(r'{% icon "([a-z0-9-]+)"', path.read_text()):
            used.setdefault(name, str(path.relative_to(ROOT)))
    for path in (ROOT / "apps").rglob("*.py"):
        for name in re.findall(r'\bicon=?"?:? ?"([a-z0-9-]+)"', path.read_text()):
            used.setdefault(name, str(path.relative_to(ROOT)))

    assert not {name: where for name, where in used.items() if name not in listed and "tests" not in where}


@pytest.mark.parametrize("status", ["400", "403", "404", "409", "500", "503"])
def test_error_pages_need_no_request_and_say_what_to_do(status: str):
    error = SimpleNamespace(title="It did not work", detail="Why.", items=[], fields={}, code="x")

    html = render_to_string(f"{status}.html", {"error": error, "request_id": "0123456789abcdef"})

    assert "What was not done" in html
    assert "What you can do" in html
    assert "0123456789abcdef" in html
    assert html.count("<h1") == 1


def test_a_text_that_equals_safe_markup_is_escaped_all_the_same():
    """What is kept for one must not be given for the other."""
    markup = "<b>bold</b>"
    trusted = draw("{% load fairway %}{% icon 'lock' label=words %}", words=SafeString(markup))
    typed = draw("{% load fairway %}{% icon 'lock' label=words %}", words=markup)

    assert markup in trusted
    assert markup not in typed
    assert "&lt;b&gt;" in typed
