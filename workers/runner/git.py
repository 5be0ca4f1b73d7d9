"""The job kind "fetch": one commit of a git repository as an archive of its files. Nothing of it is run.

git is told of no configuration, no credentials and no helper; submodules and large-file pointers are left as they are.
"""

import os
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from workers.runner.errors import BadInput
from workers.runner.job import Job

ARCHIVE = "code.zip"
_TIMEOUT = 600


def run(job: Job) -> None:
    """Does a fetch job. Raises BadInput with why the commit cannot be had, ApiError, Cancelled."""
    url, commit = str(job.spec["repository"]), str(job.spec["commit"])
    repository = job.directory / "repository"
    job.progress(None, f"Fetching {commit[:12]} of {url}")
    _git(job, "init", "--quiet", "--bare", str(repository))
    at = ("--git-dir", str(repository))
    # One commit alone where the server gives it; else all branches and tags, among which it is looked for.
    if _git(job, *at, "fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, commit, check=False):
        job.say("The server does not give one commit alone: fetching all of it")
        _git(job, *at, "fetch", "--quiet", "--", url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    if _git(job, *at, "cat-file", "-e", f"{commit}^{{commit}}", check=False):
        raise BadInput("no_commit", f"The repository has no commit {commit}.")
    job.progress(0.6, "Packing its files")
    target = job.directory / ARCHIVE
    _git(job, *at, "archive", "--format=zip", f"--output={target}", commit)
    if target.stat().st_size > int(job.spec["most_bytes"]):
        most = int(job.spec["most_bytes"]) // 2**20
        raise BadInput("too_large", f"The commit is larger than {most} MiB packed. Data belong into datasets.")
    links = [info.filename for info in zipfile.ZipFile(target).infolist() if info.external_attr >> 28 == 0o12]
    if links:
        raise BadInput("links", f"The commit holds the symbolic link “{links[0]}”, which code may not have.")
    job.progress(0.8, "Storing it")
    job.client.output(ARCHIVE, target)
    job.client.results({"size": target.stat().st_size})
    job.progress(1.0, "Fetched")


def _git(job: Job, *words: str, check: bool = True) -> int:
    """Runs git; returns its exit code. With `check`, raises BadInput with its last line when that is not 0."""
    try:
        done = subprocess.run(
            [git_program(), *words],
            cwd=job.directory,
            env=git_environment(str(job.spec["repository"])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT,
            check=False,
        )
    except OSError as error:
        raise BadInput("no_git", "This worker has no git. An administrator can install it there.") from error
    except subprocess.TimeoutExpired as error:
        raise BadInput("git_slow", f"git did not answer within {_TIMEOUT} s.") from error
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0 and check:
        last = (said.splitlines() or ["it said nothing"])[-1]
        raise BadInput("git_failed", f"git could not fetch it: {last[:400]}")
    return done.returncode


def git_program() -> str:
    """The git of this machine."""
    return "/usr/bin/git" if Path("/usr/bin/git").exists() else "git"


def git_environment(repository: str) -> dict[str, str]:
    """What git is told: no configuration, no helper, no question, and the transport of this address alone."""
    return {
        **{key: value for key, value in os.environ.items() if "TOKEN" not in key},
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ALLOW_PROTOCOL": "http" if urlsplit(repository).scheme == "http" else "https",
    }
