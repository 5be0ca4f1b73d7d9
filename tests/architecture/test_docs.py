"""What the documents name exists: targets, commands, files, tests, addresses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from controlplane.stack.config import DJANGO

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z0-9%-]+):", (ROOT / "Makefile").read_text(), re.M))
TESTS = {
    name
    for folder in ("apps", "workers", "controlplane", "analysis", "tests")
    for path in (ROOT / folder).rglob("test_*.py")
    for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(), re.M)
}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path):
    text = page.read_text()
    faults = []

    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not link.startswith("http") and not (page.parent / link).exists():
            faults.append(f"no file {link}")
    for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)(?=[`\s|,.;:]|$)", _code(text)):
        bench = target.removeprefix("bench-").replace("-", "_")
        if target not in TARGETS and not (target.startswith("bench-") and (ROOT / "bench" / f"{bench}.py").exists()):
            faults.append(f"no target {target}")
    known = get_commands()
    for command in re.findall(r"manage\.py ([a-z_]+)|ARGS=\"([a-z_]+)", text):
        if "".join(command) not in known:
            faults.append(f"no command {''.join(command)}")
    for name in re.findall(r"`(test_\w+)`", text):
        if name not in TESTS:
            faults.append(f"no test {name}")
    for path in re.findall(r"`((?:apps|workers|controlplane|tests|analysis|docker|docs)/[\w./-]+)`", text):
        if not (ROOT / path).exists() and not path.startswith("docker/secrets"):
            faults.append(f"no file {path}")

    assert not faults, "\n".join(faults)


def _code(text: str) -> str:
    """What stands in code: between backquotes, or in a block."""
    return "\n".join(re.findall(r"```[^`]*```|`[^`\n]+`", text))


def test_every_variable_of_the_readme_is_read():
    own = {"PORT", "LIVE_PORT", "GATEWAY_PORT", "FAIRWAY_HOME", *DJANGO}
    for page in (ROOT / "README.md", ROOT / "docs/user/server.md"):
        named = re.findall(r"^\| (`[^|]+) \|", page.read_text(), re.M)
        assert {name for cell in named for name in re.findall(r"`([A-Z_]+)`", cell)} <= own, page
