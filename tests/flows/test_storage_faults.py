"""The network to the artifact store is cut and goes silent while a job uploads and a page downloads."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from controlplane.stack.testing import LiveStack
from tests.flows.given import BUCKET, KEYS, Store
from tests.flows.processes import wait_for
from tests.flows.proxy import Proxy, to_tcp
from tests.flows.stack import Answer, Api, key, people_make, stack_open

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

TEAM = "Storm watchers"
FILES = 60
# The store's library gives up after two tries of 2 s to connect and 10 s to read; the rest is for a busy machine.
PATIENCE = 40.0
FINAL = {"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"}
CODE = f"""
import hashlib, pathlib
folder = pathlib.Path("outputs")
folder.mkdir(exist_ok=True)
for number in range({FILES}):
    block = hashlib.sha256(b"SEED %d" % number).digest()
    (folder / f"part-{{number:03d}}.bin").write_bytes(block * 8192)
print("written", flush=True)
"""


@dataclass(frozen=True)
class Storm:
    """A live product, a team whose files go to an S3 server behind a relay, and the relay."""

    stack: LiveStack
    store: Store
    proxy: Proxy
    operator: Api
    scientist: Api
    team: str
    backend: str

    def launch(self) -> tuple[dict[str, Any], str]:
        """A job that writes files of its own; (what was launched, its seed)."""
        seed = uuid.uuid4().hex
        name = f"storm_{seed[:8]}.py"
        code = CODE.replace("SEED", seed).encode()
        bundle = self.scientist.call("POST", "code-bundles", data=code, team_id=self.team, filename=name).expect(201)
        return self.scientist.post("code-launches", {"bundle_id": bundle["id"], "entry": name}, key=key()), seed

    def artifacts(self, run_id: str) -> dict[str, int]:
        """{path: bytes} of the files of a run."""
        rows = self.scientist.get(f"runs/{run_id}/artifacts")
        return {row["path"]: row["size"] for row in rows if row["path"].endswith(".bin")}

    def ended(self, job_id: str, seconds: float) -> dict[str, Any]:
        """The job once it is over."""

        def over() -> dict[str, Any] | None:
            job: dict[str, Any] = self.scientist.get(f"jobs/{job_id}")
            return job if job["state"] in FINAL else None

        found: dict[str, Any] = wait_for(over, seconds, "the end of the job")
        return found

    def check_final_once(self, job_id: str) -> None:
        """One final state, told once."""
        events = self.scientist.get(f"jobs/{job_id}/events")["events"]
        states = [event["data"]["state"] for event in events if event["kind"] == "state"]
        assert len([state for state in states if state in FINAL]) == 1, states


@pytest.fixture(scope="module")
def storm() -> Iterator[Storm]:
    home = Path(tempfile.mkdtemp(prefix="fairway-s3-"))
    store = Store(home / "s3.log")
    proxy = Proxy(to_tcp("127.0.0.1", store.port))
    try:
        store.start()
        with stack_open("fairway-storm-") as stack:
            people = people_make(
                stack, {"storm-scientist": ("DATA_SCIENTIST", TEAM), "storm-operator": ("OPERATOR", "")}
            )
            operator, scientist = people["storm-operator"], people["storm-scientist"]
            team = scientist.get("teams")["results"][0]["id"]
            body = {
                "name": "bucket",
                "kind": "S3",
                "location": BUCKET,
                "prefix": "fairway",
                "endpoint_url": f"http://127.0.0.1:{proxy.port}",
                "key_id": KEYS["aws_access_key_id"],
                "secret": KEYS["aws_secret_access_key"],
            }
            backend = operator.post("storage-backends", body, key=key())["id"]
            test = operator.post(f"storage-backends/{backend}/test", status=202)
            done = wait_for(
                lambda: (t := operator.get(f"storage-tests/{test['id']}"))["state"] != "RUNNING" and t, 60, "the test"
            )
            assert done["state"] == "PASSED", done
            operator.post(f"storage-backends/{backend}/teams", {"team_id": team}, status=200)
            slow = Api(stack.url, scientist.token, seconds=90)
            yield Storm(stack, store, proxy, operator, slow, team, backend)
    finally:
        proxy.close()
        store.stop()
        shutil.rmtree(home, ignore_errors=True)


def check_refused_in_time(answer: Answer, began: float) -> None:
    assert answer.status == 503, answer.text
    assert "file store cannot be reached" in answer.body["detail"]
    assert answer.headers["Retry-After"].isdigit()
    assert time.monotonic() - began < PATIENCE


def test_a_cut_and_a_silent_network_lose_no_file_of_a_job_and_pages_say_so_in_time(storm):
    launched, seed = storm.launch()
    wait_for(lambda: 3 <= len(storm.artifacts(launched["run_id"])) < FILES, 90, "the first files of the job")
    path = "part-000.bin"

    storm.proxy.cut()
    began = time.monotonic()
    cut = storm.scientist.call("GET", f"runs/{launched['run_id']}/artifacts/{path}")
    check_refused_in_time(cut, began)
    assert storm.scientist.get(f"jobs/{launched['job_id']}")["state"] == "RUNNING"
    storm.proxy.mend()
    before = len(storm.artifacts(launched["run_id"]))
    wait_for(lambda: len(storm.artifacts(launched["run_id"])) > before, 60, "a file after the cut")
    storm.proxy.hold()
    began = time.monotonic()
    silent = storm.scientist.call("GET", f"runs/{launched['run_id']}/artifacts/{path}")
    check_refused_in_time(silent, began)
    storm.proxy.release()
    job = storm.ended(launched["job_id"], 240)

    assert (job["state"], len(job["attempts"])) == ("SUCCEEDED", 1), job
    storm.check_final_once(launched["job_id"])
    assert storm.artifacts(launched["run_id"]) == {f"part-{n:03d}.bin": 32 * 8192 for n in range(FILES)}
    headers = {"Authorization": f"Bearer {storm.scientist.token}"}
    with httpx.Client(base_url=storm.stack.url, headers=headers, timeout=60, trust_env=False) as client:
        for number in (0, FILES // 2, FILES - 1):
            got = client.get(f"/api/v1/runs/{launched['run_id']}/artifacts/part-{number:03d}.bin")
            assert got.content == hashlib.sha256(f"{seed} {number}".encode()).digest() * 8192
    names = [name for name in storm.store.sizes() if "/blobs/" in name]
    assert all(size in (32 * 8192, *small(storm)) for name, size in storm.store.sizes().items() if name in names)
    checked = storm.stack.manage("blobs_verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def small(storm: Storm) -> set[int]:
    """Sizes of the other whole files: code, environments, logs of the product itself."""
    return {size for name, size in storm.store.sizes().items() if "/blobs/" in name and size < 32 * 8192}


def test_a_store_that_is_closed_meanwhile_leaves_whole_files_and_a_run_that_says_it_is_incomplete(storm):
    launched, _ = storm.launch()
    wait_for(lambda: len(storm.artifacts(launched["run_id"])) >= 1, 90, "the first file of the job")

    storm.operator.post(f"storage-backends/{storm.backend}/read-only", {"reason": "Full."}, status=200)
    job = storm.ended(launched["job_id"], 120)
    kept = storm.artifacts(launched["run_id"])
    storm.operator.post(f"storage-backends/{storm.backend}/writable", status=200)

    log = " ".join(line["text"] for line in storm.scientist.get(f"jobs/{launched['job_id']}/log")["lines"])
    run = storm.scientist.get(f"runs/{launched['run_id']}")
    assert job["state"] in FINAL
    assert f"The outputs of this run are incomplete: {len(kept)} of {FILES} kept" in log
    assert "is read-only" in log
    assert "of the site can make it writable again" in log
    assert run["tags"]["fairway.outputs"] == f"incomplete: {len(kept)} of {FILES} kept"
    storm.check_final_once(launched["job_id"])
    assert 1 <= len(kept) < FILES
    assert set(kept.values()) == {32 * 8192}
