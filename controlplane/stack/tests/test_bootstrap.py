"""The set-up from a bare Python: what it installs, that it does so once, and every failure in one sentence."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from controlplane.stack.config import ROOT

PIP_OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


class Clone:
    """A small project with the real bootstrap, one locked package of its own and a stand-in for pip's index."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "clone"
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        (self.root / "controlplane" / "stack").mkdir(parents=True)
        for name in ("bootstrap.py", "reset.py"):
            shutil.copy(ROOT / "controlplane" / "stack" / name, self.root / "controlplane" / "stack" / name)
        (self.root / "requirements").mkdir()
        self.lock("tiny-package", wheel_make(self.wheels))
        (self.root / "frontend").mkdir()
        (self.root / "controlplane" / "__init__.py").touch()
        (self.root / "controlplane" / "stack" / "__init__.py").touch()
        (self.root / "controlplane" / "stack" / "targets.py").write_text(
            "import tiny_package; print(tiny_package.WORD)"
        )

    def lock(self, name: str, digest: str, version: str = "1.0") -> None:
        (self.root / "requirements" / "test.txt").write_text(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
        (self.root / "requirements" / "base.txt").write_text("")

    def run(self, command: str = "fix", **environ: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, **PIP_OFFLINE, "PIP_FIND_LINKS": str(self.wheels), **environ}
        script = str(self.root / "controlplane" / "stack" / "bootstrap.py")
        return subprocess.run([sys.executable, "-I", script, command], env=env, capture_output=True, text=True)

    def run_with(self, prelude: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it in a Python of which something is taken away first."""
        script = str(self.root / "controlplane" / "stack" / "bootstrap.py")
        start = f"import runpy; runpy.run_path({script!r}, run_name='__main__')"
        code = f"import sys; sys.argv = ['b', 'fix']; {prelude}; {start}"
        return subprocess.run(
            [sys.executable, "-I", "-c", code], env={**os.environ, **environ}, capture_output=True, text=True
        )


def wheel_make(folder: Path) -> str:
    """A real wheel with one module. Returns its hash."""
    path = folder / "tiny_package-1.0-py3-none-any.whl"
    files = {
        "tiny_package.py": b"WORD = 'it works'\n",
        "tiny_package-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-package\nVersion: 1.0\n",
        "tiny_package-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr("tiny_package-1.0.dist-info/RECORD", record + "tiny_package-1.0.dist-info/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def last_sentence(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return [line for line in done.stderr.splitlines() if line][-1]


def test_first_run_installs_with_progress_and_the_second_needs_no_index(clone: Clone) -> None:
    first = clone.run()
    shutil.rmtree(clone.wheels)
    second = clone.run()

    assert first.returncode == 0, first.stdout + first.stderr
    assert "ok Environment" in first.stdout
    assert "ok Packages (1 in requirements/test.txt)" in first.stdout
    assert first.stdout.endswith("it works\n")
    assert second.stdout == "it works\n"


@pytest.mark.slow
def test_files_in_a_cloud_bring_that_clouds_library(clone: Clone) -> None:
    locked = (clone.root / "requirements" / "test.txt").read_text()
    (clone.root / "requirements" / "cloud.txt").write_text(locked)

    here = clone.run("run", STORAGE_URL="file:///data")
    there = clone.run("run", STORAGE_URL="s3://bucket/prefix")

    assert "requirements/base.txt" in here.stdout
    assert "ok Packages (1 in requirements/cloud.txt)" in there.stdout


@pytest.mark.slow
def test_changed_lock_is_installed_again(clone: Clone) -> None:
    assert clone.run().returncode == 0
    clone.lock("tiny-package", "0" * 64)

    assert "Packages" in last_or_all(clone.run())


def last_or_all(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


@pytest.mark.slow
def test_broken_environment_is_made_again(clone: Clone) -> None:
    assert clone.run().returncode == 0
    (clone.root / ".venv" / "bin" / "python").unlink()

    again = clone.run()

    assert again.returncode == 0, again.stderr
    assert "ok Environment" in again.stdout


@pytest.mark.slow
def test_no_network_is_one_sentence(clone: Clone) -> None:
    done = clone.run(PIP_NO_INDEX="0", PIP_FIND_LINKS="", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="1")

    assert last_sentence(done).startswith("The package registry cannot be reached: connect to the network")


@pytest.mark.slow
def test_package_without_wheel_is_one_sentence(clone: Clone) -> None:
    clone.lock("another-package", "0" * 64)

    said = last_sentence(clone.run())

    assert said.startswith("There is no ready-made package of another-package==1.0 for ")
    assert "use Python 3.11 to 3.13 on Linux" in said


@pytest.mark.slow
def test_package_with_another_hash_is_refused_in_one_sentence(clone: Clone) -> None:
    clone.lock("tiny-package", "0" * 64)

    assert last_sentence(clone.run()).startswith("A package differs from the locked one and was refused")


def test_python_without_venv_is_one_sentence(clone: Clone) -> None:
    done = clone.run_with("sys.modules['ensurepip'] = None")

    assert "has no venv: install it (Debian and Ubuntu: apt install python" in last_sentence(done)


def test_old_python_is_one_sentence(clone: Clone) -> None:
    done = clone.run_with("sys.version_info = (3, 9, 2)", PATH="/nonexistent")

    assert last_sentence(done).startswith("Fairway needs Python 3.11 or newer")


def test_platform_without_wheels_is_one_sentence(clone: Clone) -> None:
    done = clone.run_with("sys.platform = 'freebsd14'")

    assert last_sentence(done).startswith("There are no ready-made packages for freebsd14: use Linux")


def test_unwritable_clone_is_one_sentence(clone: Clone) -> None:
    (clone.root / "not-a-folder").touch()

    done = clone.run(FAIRWAY_VENV=str(clone.root / "not-a-folder" / "venv"))

    assert "cannot" in last_sentence(done)


def test_reset_wipes_only_what_fairway_made_and_only_after_yes(clone: Clone, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    (home / "postgres").mkdir()
    (home / "mine.txt").write_text("kept")

    no = clone.run("reset", FAIRWAY_HOME=str(home))
    assert no.returncode == 1
    assert (home / "postgres").exists()
    script = str(clone.root / "controlplane" / "stack" / "bootstrap.py")
    yes = subprocess.run(
        [sys.executable, "-I", script, "reset", "--yes"],
        env={**os.environ, "FAIRWAY_HOME": str(home)},
        capture_output=True,
        text=True,
    )

    assert yes.returncode == 0, yes.stderr
    assert "mine.txt" in yes.stdout
    assert sorted(path.name for path in home.iterdir()) == ["mine.txt"]


def test_reset_leaves_a_folder_alone_that_is_not_an_installation(clone: Clone, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)

    done = clone.run("reset", FAIRWAY_HOME=str(home))

    assert "was not made by Fairway" in last_sentence(done)
    assert (home / "logs").exists()


def test_the_evaluation_is_compiled_once_and_again_when_it_changed(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    package = clone.root / "analysis"
    (package / "segment_metrics").mkdir(parents=True)
    (package / "__init__.py").touch()
    source = package / "compiled.py"
    source.write_text("open('compiled', 'a').write('x')")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    script = clone.root / "controlplane" / "stack" / "bootstrap.py"

    def compile_passes() -> subprocess.CompletedProcess[str]:
        code = f"import runpy; runpy.run_path({str(script)!r})['passes_compile']()"
        env = {**os.environ, "FAIRWAY_VENV": str(tmp_path / "venv")}
        return subprocess.run([sys.executable, "-I", "-c", code], env=env, capture_output=True, text=True)

    assert [compile_passes().returncode for _ in range(2)] == [0, 0]
    assert (clone.root / "compiled").read_text() == "x"
    (package / "segment_metrics" / "passes.py").touch()
    assert compile_passes().returncode == 0
    assert (clone.root / "compiled").read_text() == "xx"
    source.write_text("raise SystemExit('no compiler for this machine')")
    failed = compile_passes()
    assert "The evaluation's passes cannot be compiled (no compiler for this machine)" in failed.stderr
