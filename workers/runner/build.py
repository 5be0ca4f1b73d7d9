"""The job kind "build": the packages of a lockfile as one archive, from which any worker makes the environment.

Only wheels are installed and every file's hash is in the lock, so no code of a package runs here. Where packages come
from says the worker: FAIRWAY_PACKAGE_INDEX (an address; empty is the public index) and FAIRWAY_PACKAGE_FOLDER (a folder
of wheels, which replaces the index).
"""

import gzip
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections import deque
from pathlib import Path

from workers.runner.errors import BadInput
from workers.runner.job import Job

ARCHIVE = "environment.tar.gz"
SHEBANG = b"#!/fairway/environment/bin/python"
_PASSED_ON = ("FAIRWAY_PACKAGE_INDEX", "FAIRWAY_PACKAGE_FOLDER")


def run(job: Job) -> None:
    """Does a build job. Raises BadInput with what cannot be installed and why, ApiError, Cancelled."""
    python, platform = f"{sys.version_info[0]}.{sys.version_info[1]}", sysconfig.get_platform()
    if (job.spec["python"], job.spec["platform"]) != (python, platform):
        raise BadInput(
            "other_python",
            f"The environment is for Python {job.spec['python']} on {job.spec['platform']}; this worker has Python "
            f"{python} on {platform}.",
        )
    lock = job.directory / "requirements.lock"
    # The address of the index may hold a password: it stands in a file of this private directory, in no command line.
    index = os.environ.get("FAIRWAY_PACKAGE_INDEX", "")
    lock.write_text((f"--index-url {index}\n" if index else "") + job.spec["lock"])
    folder = job.directory / "environment"
    job.progress(None, f"Installing {job.spec['lock'].count(chr(10))} packages")
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    _install(lock, folder)
    job.progress(0.7, "Compiling")
    site = folder / "lib" / f"python{python}" / "site-packages"
    # By content, not by time: the files get another time wherever they are unpacked.
    words = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(site)]
    subprocess.run(words, check=False)
    job.progress(0.8, "Packing")
    size = archive_write(folder, job.directory / ARCHIVE)
    job.progress(0.9, f"Storing {(job.directory / ARCHIVE).stat().st_size / 2**20:.0f} MiB")
    job.client.output(ARCHIVE, job.directory / ARCHIVE)
    job.client.results({"size": size})
    job.progress(1.0, f"Built: {size / 2**20:.0f} MiB")


def _pip() -> list[str]:
    """The command of pip: the installed one, else the one that Python brings along."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    bundled = importlib.util.find_spec("ensurepip")
    folders = (bundled.submodule_search_locations or []) if bundled is not None else []
    for wheel in (one for folder in folders for one in Path(folder).glob("_bundled/pip-*.whl")):
        return [sys.executable, str(wheel / "pip")]
    raise BadInput("no_pip", "This worker's Python has no pip. An administrator can install it there.")


def _install(lock: Path, folder: Path) -> None:
    words = [
        *_pip(),
        *("--isolated", "--no-input", "--disable-pip-version-check", "--python", str(folder / "bin" / "python")),
        *("install", "--no-cache-dir", "--no-compile", "--no-warn-script-location", "--progress-bar", "off"),
        *("--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)),
    ]
    wheels = os.environ.get("FAIRWAY_PACKAGE_FOLDER", "")
    if wheels:
        words += ["--no-index", "--find-links", wheels]
    kept: deque[str] = deque(maxlen=400)
    told = {key: value for key, value in os.environ.items() if key not in _PASSED_ON and "TOKEN" not in key}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=told, text=True
    ) as process:
        for line in process.stdout or ():
            shown = re.sub(r"(https?://)[^/@\s]+@", r"\1****@", line)
            sys.stdout.write(shown)
            sys.stdout.flush()
            kept.append(shown.rstrip())
    if process.returncode != 0:
        raise BadInput("not_installed", install_cause(list(kept)))


def install_cause(lines: list[str]) -> str:
    """Why pip did not install, as a sentence with what to do."""
    text = "\n".join(lines)
    if "DO NOT MATCH THE HASHES" in text:
        found = re.search(r"^\s+(\S+==\S+|\S+) from \S+", text, re.MULTILINE)
        name = found[1] if found else "A package"
        return f"{name}: the file of the index is not the one that the lock names. Lock again, or ask who changed it."
    found = re.search(r"No matching distribution found for (\S+)", text)
    if found:
        name = found[1]
        return (
            f"{name}: the package index has no wheel of it for this Python and platform. Source distributions are not "
            "built, for that would run their code. Choose a version that has a wheel, or put one on the index."
        )
    found = re.search(r"In --require-hashes mode, all requirements must have .*?:\s*\n\s+(\S+)", text)
    if found:
        return f"The lock is not whole: {found[1]} is needed and not in it. Lock again with all dependencies."
    if re.search(r"NewConnectionError|Max retries|Connection refused|Name or service|Temporary failure in name", text):
        return "The package index cannot be reached from this worker. An administrator can set its address."
    found = re.search(r"requires (.+?), but you have (.+?) which is incompatible", text)
    if found:
        return f"The packages do not fit together: one requires {found[1]}, the lock has {found[2]}."
    last = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1] if lines else "")
    return f"pip could not install the packages: {last.removeprefix('ERROR: ')[:400] or 'it printed nothing'}"


def archive_write(folder: Path, target: Path) -> int:
    """Packs an environment: the same files give the same bytes. Returns its size unpacked, in bytes."""
    total = 0
    ours = str(folder / "bin" / "python").encode()
    with (
        open(target, "wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(_files(folder)):
            name = path.relative_to(folder).as_posix()
            if name.startswith("bin/"):
                path.write_bytes(script_neutral(path.read_bytes(), ours))
            info = archive.gettarinfo(str(path), name)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime = 0
            info.type = tarfile.REGTYPE  # pip may link equal files together
            info.linkname = ""
            info.size = path.stat().st_size
            total += info.size
            with open(path, "rb") as file:
                archive.addfile(info, file)
    return total


def script_neutral(data: bytes, python: bytes) -> bytes:
    """A script that names its interpreter as SHEBANG; pip writes a way round by /bin/sh where the path is long."""
    lines = data.split(b"\n")
    if lines[0] == b"#!" + python:
        return b"\n".join([SHEBANG, *lines[1:]])
    if lines[0] == b"#!/bin/sh" and len(lines) > 2 and python in lines[1]:
        return b"\n".join([SHEBANG, *lines[3:]])
    return data


def _files(folder: Path) -> list[Path]:
    """What pip put there: packages and scripts, without the interpreter and what venv adds."""
    own = {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
    scripts = [
        path
        for path in (folder / "bin").iterdir()
        if path.name not in own and not path.name.lower().startswith("activate")
    ]
    return [path for path in (*(folder / "lib").rglob("*"), *scripts) if path.is_file() and not path.is_symlink()]
