"""A backup put into a second, empty installation: all there, the chain holds, and its model answers."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import psycopg
import pytest

from controlplane.stack.embedded import embedded_urls
from controlplane.stack.testing import LiveStack
from tests.e2e.product import Product
from tests.flows.load import load
from tests.flows.processes import wait_for
from tests.flows.stack import DEMO_ROW, Api, Gateway, stack_open, token_of

LISTS = ("problems", "datasets", "runs", "models", "evaluations", "requests", "deployments", "jobs")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def live_stack(product: Product) -> LiveStack:
    """The product with the demo."""
    return product.stack


@pytest.fixture(scope="module")
def backup(live_stack: LiveStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the living product with the demo in it."""
    folder = tmp_path_factory.mktemp("backup") / "whole"
    done = live_stack.manage("backup", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def listed(person: Api) -> dict[str, list[str]]:
    return {name: sorted(row["id"] for row in person.get(name, page_size=200)["results"]) for name in LISTS}


def flipped(folder: Path, target: Path, inside: str) -> Path:
    """A copy with one byte of one file changed."""
    shutil.copytree(folder, target)
    file = next(path for path in sorted((target / inside).rglob("*")) if path.is_file() and path.stat().st_size > 64)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return target


def test_a_backup_holds_no_secret_and_is_closed_to_others(live_stack, backup):
    assert backup.stat().st_mode & 0o077 == 0
    secrets = [path.read_bytes().strip() for path in (live_stack.home / "secrets").iterdir()]
    for file in (path for path in backup.rglob("*") if path.is_file()):
        data = file.read_bytes()
        assert not [secret for secret in secrets if len(secret) > 8 and secret in data], file.name
    assert "Whole" in live_stack.manage("backup", "--check", str(backup)).stdout
    again = live_stack.manage("backup", str(backup))
    assert again.returncode != 0
    assert "not empty" in again.stderr


def test_a_flipped_byte_is_found_and_nothing_is_replaced(live_stack, backup, tmp_path):
    person = Api(live_stack.url, token_of(live_stack, "admin", "read", "admin"))
    before = listed(person)
    for inside in ("files", "."):
        broken = flipped(backup, tmp_path / f"broken-{len(inside)}", inside)

        checked = live_stack.manage("backup", "--check", str(broken))
        restored = live_stack.manage("restore", str(broken), "--replace")

        for done in (checked, restored):
            assert done.returncode != 0
            assert "altered" in done.stderr, done.stderr
    assert listed(person) == before


def test_a_full_installation_is_not_replaced_by_accident(live_stack, backup):
    done = live_stack.manage("restore", str(backup))

    assert done.returncode != 0
    assert "not empty" in done.stderr


def test_a_second_installation_takes_over(live_stack, backup):
    token = token_of(live_stack, "admin", "read", "admin")
    folder = backup.with_name("later")
    assert live_stack.manage("backup", str(folder)).returncode == 0
    before = listed(Api(live_stack.url, token))

    with stack_open("fairway-second-") as second:
        done = second.manage("restore", str(folder), seconds=180)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "another secret key" in done.stdout

        person = Api(second.url, token)
        assert listed(person) == before
        verified = second.manage("audit_verify")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        # Work goes on: the chain grows, a new person's token and the restored model answer.
        name = person.get("deployments")["results"][0]["name"]
        gateway = Gateway(second.gateway_url, token_of(second, "scientist", "predict"))
        wait_for(lambda: gateway.infer(name, DEMO_ROW).status == 200, 60, "a prediction of the restored model")
        assert second.manage("audit_verify").returncode == 0
        assert second.manage("restore", str(folder)).returncode != 0
        check_replaced_while_others_work(second, folder, person)
        assert listed(person) == before
        check_a_broken_dump_changes_nothing(second, folder)
        assert listed(person) == before


def check_replaced_while_others_work(stack: LiveStack, folder: Path, person: Api) -> None:
    """Callers go on, and a session that holds a table does not hold up the restore."""
    headers = {"Authorization": f"Bearer {person.token}"}
    with (
        psycopg.connect(embedded_urls(stack.config)[0]) as stubborn,
        load(lambda client: client.get("/api/v1/problems", headers=headers), stack.url) as reads,
        load(lambda client: client.get("/accounts/login/"), stack.url, threads=1) as pages,
    ):
        stubborn.execute("LOCK TABLE jobs_job IN ACCESS EXCLUSIVE MODE")
        done = stack.manage("restore", str(folder), "--replace", seconds=180)
        assert done.returncode == 0, done.stdout + done.stderr
        with pytest.raises(psycopg.OperationalError):
            stubborn.execute("SELECT 1")
        stubborn.close()
        restored = len(reads.replies)
        wait_for(lambda: reads.count(200, restored) > 10, 30, "answers afterwards")
    # Until its rows are loaded a caller waits or is told to come back; none sees half a database.
    assert {reply.status for reply in (*reads.replies, *pages.replies)} <= {200, 503}


def check_a_broken_dump_changes_nothing(stack: LiveStack, folder: Path) -> None:
    """A dump that cannot be read to its end, though its hash is right: what was there stays."""
    short = shutil.copytree(folder, folder.with_name("short"))
    data = (short / "database.dump").read_bytes()[:-20_000]
    (short / "database.dump").write_bytes(data)
    manifest = json.loads((short / "manifest.json").read_text())
    manifest["database_sha256"] = hashlib.sha256(data).hexdigest()
    (short / "manifest.json").write_text(json.dumps(manifest))

    done = stack.manage("restore", str(short), "--replace")

    assert done.returncode != 0
    assert "nothing was changed" in done.stderr, done.stderr
