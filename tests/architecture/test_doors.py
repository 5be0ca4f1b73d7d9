"""A room is entered through four doors only: services, selectors, contracts, policies."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "apps"
DOORS = {"services", "selectors", "contracts", "policies"}
ROOMS = sorted(path.name for path in APPS.iterdir() if (path / "apps.py").exists() and path.name != "core")


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import that runs; those under TYPE_CHECKING serve the type checker alone."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped.update(id(child) for child in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _sources(room: str) -> Iterator[Path]:
    for path in sorted((APPS / room).rglob("*.py")):
        parts = path.relative_to(APPS / room).parts
        if "tests" not in parts and "migrations" not in parts:
            yield path


def test_rooms_enter_each_other_through_the_four_doors_only():
    breaches = []
    for room in ROOMS:
        for path in _sources(room):
            for line, name in _imports(ast.parse(path.read_text())):
                parts = name.split(".")
                if parts[0] != "apps" or len(parts) < 3 or parts[1] in (room, "core"):
                    continue
                if parts[2] not in DOORS:
                    breaches.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert not breaches, "\n".join(breaches)


def test_foreign_keys_to_other_rooms_leave_no_way_back():
    from django.apps import apps

    breaches = []
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.get_fields():
                remote = getattr(field, "remote_field", None)
                if not remote or field.auto_created or not hasattr(remote, "model") or isinstance(remote.model, str):
                    continue
                other = remote.model._meta.app_label
                if other in ROOMS and other != room and not str(remote.related_name).endswith("+"):
                    breaches.append(f"{model._meta.label}.{field.name}")

    assert not breaches, breaches
