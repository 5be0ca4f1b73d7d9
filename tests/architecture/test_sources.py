"""Small files by noun, no inline script or style, templates that compile, one reader of the environment."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [
    path
    for folder in ("apps", "analysis", "workers", "controlplane")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
TEMPLATES = sorted(
    [
        *(ROOT / "frontend" / "templates").rglob("*.html"),
        *(path for folder in (ROOT / "apps").iterdir() for path in (folder / "templates").rglob("*.html")),
    ]
)
LONGEST = 400


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_module_is_longer_than_it_should_be():
    long = {_short(p): n for p in PYTHON if (n := len(p.read_text().splitlines())) > LONGEST}

    assert not long, f"split by noun: {long}"


def test_there_is_no_drawer_for_everything():
    assert not [_short(p) for p in PYTHON if p.name in ("utils.py", "helpers.py", "misc.py", "common.py")]


def test_only_the_settings_read_the_environment():
    # The supervisor hands its children an environment, and what runs outside Django is given one.
    allowed = ("controlplane/settings/env.py", "controlplane/stack/", "workers/")
    entry_points = ("controlplane/asgi.py", "controlplane/celery.py", "controlplane/wsgi.py")
    breaches = []
    for path in PYTHON:
        if _short(path).startswith((*allowed, *entry_points)) or "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("environ", "getenv")
                and ast.unparse(node.value) == "os"
            ):
                breaches.append(f"{_short(path)}:{node.lineno}")

    assert not breaches, breaches


@pytest.mark.parametrize("path", TEMPLATES, ids=_short)
def test_template_compiles_and_holds_no_inline_script_or_style(path: Path):
    text = path.read_text()
    name = str(path).split("/templates/", 1)[1]

    get_template(name)

    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/(ld\+)?json\")[^>]*>", text), (
        "inline script"
    )
    assert not re.search(r"<style\b", text), "inline style element"
    assert not re.search(r"<[^>{%]+\sstyle\s*=", text), "inline style attribute"
    assert not re.search(r"<[a-z][^>]*\son[a-z]+\s*=", text), "inline event handler"
    assert not re.search(r"(src|href)=\"(https?:)?//", text), "something from elsewhere"


@pytest.mark.parametrize("path", sorted((ROOT / "frontend" / "js").rglob("*.js")), ids=_short)
def test_scripts_build_no_code_from_text(path: Path):
    text = path.read_text()

    assert not re.search(r"\beval\(|new Function\(|\.setAttribute\(\s*[\"']style|document\.write\(", text)
