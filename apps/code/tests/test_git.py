"""A git commit, fetched by the child from a repository on loopback."""

from __future__ import annotations

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from apps.code import services
from apps.code.models import Bundle
from apps.jobs import services as job_services
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import scientist

pytestmark = pytest.mark.django_db(transaction=True)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@dataclass
class Repository:
    """A work tree, and the address of its bare copy."""

    tree: Path
    bare: Path
    url: str

    def git(self, *words: str) -> str:
        who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
        who |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in who.items()}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["git", *words], cwd=self.tree, env=environment, capture_output=True, check=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit all that is there and publish it; the commit."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", "work")
        self.git("push", "--quiet", str(self.bare), "HEAD:refs/heads/main")
        subprocess.run(["git", "--git-dir", str(self.bare), "update-server-info"], check=True)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(settings, tmp_path, live_server) -> Iterator[Repository]:
    settings.FAIRWAY_HOME = tmp_path / "home"
    settings.INTERNAL_URL = live_server.url
    settings.CODE_LOCAL_GIT = True
    tree, bare = tmp_path / "tree", tmp_path / "served" / "churn.git"
    tree.mkdir()
    subprocess.run(["git", "init", "--quiet", "--bare", str(bare)], check=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(bare.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Repository(tree, bare, f"http://127.0.0.1:{server.server_address[1]}/churn.git")
    made.git("init", "--quiet")
    yield made
    server.shutdown()
    server.server_close()


def fetched(actor, team, repository: Repository, commit: str) -> tuple[Bundle, Job]:
    bundle = services.bundle_fetch(actor=actor, team_id=team.pk, repository=repository.url, commit=commit)
    tasks.job_run(str(bundle.job_id))
    bundle.refresh_from_db()
    return bundle, Job.objects.get(pk=bundle.job_id)


def test_a_commit_is_fetched_once_by_a_job_and_read_like_any_code(repository):
    actor, team = scientist()
    (repository.tree / "train.py").write_text("def train(rate: float = 0.5):\n    return rate\n")
    commit = repository.commit()

    bundle, job = fetched(actor, team, repository, commit)

    assert bundle.state == "READY", (job.cause, job_services.last_lines(job))
    assert [entry["id"] for entry in bundle.entries] == ["train.py:train"]
    assert (bundle.name, bundle.commit) == ("churn", commit)
    again = services.bundle_fetch(actor=actor, team_id=team.pk, repository=repository.url, commit=commit)
    assert again.pk == bundle.pk
    assert Job.objects.filter(kind="fetch").count() == 1


def test_what_cannot_be_fetched_ends_with_the_reason_and_may_be_tried_again(repository):
    actor, team = scientist()
    (repository.tree / "train.py").write_text("print(1)\n")
    good = repository.commit()

    missing, job = fetched(actor, team, repository, "a" * 40)
    assert (missing.state, missing.sha256) == ("FAILED", "")
    assert missing.cause == job.cause == f"The repository has no commit {'a' * 40}."

    (repository.tree / "link.py").symlink_to("/etc/passwd")
    linked, job = fetched(actor, team, repository, repository.commit())
    assert linked.state == "FAILED"
    assert "link.py" in job.cause

    repository.bare.rename(repository.bare.with_name("gone.git"))
    gone, job = fetched(actor, team, repository, good)
    assert gone.state == "FAILED"
    assert "git could not fetch it" in job.cause
    repository.bare.with_name("gone.git").rename(repository.bare)
    again = job_services.job_retry(actor=actor, job_id=job.pk)
    tasks.job_run(str(again.pk))
    gone.refresh_from_db()
    assert gone.state == "READY"
