"""The locked sets: they fit together, name no host, and have wheels for every promised platform."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from controlplane.stack.config import ROOT
from controlplane.stack.lock import HOST, SETS

PLATFORMS = {
    "Linux x86-64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
    "macOS arm64": "aarch64-apple-darwin",
}
PYTHONS = ("3.11", "3.12", "3.13")


def text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, str]:
    """Requirement with its marker -> version."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(\s*;[^\\]*)?", text(name), re.M)
    return {f"{package} {marker.strip()}": version for package, version, marker in found}


def stated(name: str) -> list[Requirement]:
    """What pyproject.toml asks of this set."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked: list[str] = []
    kinds = {option: SETS[name][at + 1] for at, option in enumerate(SETS[name]) if option.startswith("--")}
    if "--only-group" not in kinds:
        asked += project["project"]["dependencies"]
    asked += project["project"]["optional-dependencies"].get(kinds.get("--extra"), [])
    asked += project["dependency-groups"].get(kinds.get("--group", kinds.get("--only-group")), [])
    return [Requirement(text) for text in asked]


@pytest.mark.parametrize("name", sorted(SETS))
def test_what_the_project_asks_for_is_locked(name: str) -> None:
    locked: dict[str, list[str]] = {}
    for package, version in pins(name).items():
        locked.setdefault(canonicalize_name(package.split()[0]), []).append(version)

    assert [
        str(asked)
        for asked in stated(name)
        if not any(asked.specifier.contains(version) for version in locked.get(canonicalize_name(asked.name), []))
    ] == []


@pytest.mark.parametrize("name", sorted(SETS))
def test_lock_names_no_host_and_hashes_every_package(name: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text(name).strip())

    assert not HOST.search(text(name))
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("name", ["cloud", "ray", "test"])
def test_every_set_holds_the_runtime_at_the_same_versions(name: str) -> None:
    assert pins("base").items() <= pins(name).items()


@pytest.mark.slow
def test_every_locked_package_has_a_wheel_for_every_platform_and_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)

    missing = []
    for name in SETS:
        for place, platform in PLATFORMS.items():
            for version in PYTHONS:
                command = [
                    python, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--only-binary", ":all:",
                    "--require-hashes", "--target", str(tmp_path / "target"), "--python", sys.executable,
                    "--python-platform", platform, "--python-version", version,
                    "--requirement", str(ROOT / "requirements" / f"{name}.txt"),
                ]  # fmt: skip
                env = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}
                done = subprocess.run(command, capture_output=True, text=True, env=env)
                if done.returncode != 0:
                    missing.append(f"{name} on {place} with Python {version}: {done.stderr.strip()}")

    assert missing == []
