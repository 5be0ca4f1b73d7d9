"""The grown-up twins: database, broker and files elsewhere, by address alone; and a store that goes away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.stack.state import state_read
from controlplane.stack.testing import LiveStack
from tests.flows.given import Given, given_open
from tests.flows.processes import wait_for
from tests.flows.stack import DEMO_ROW, Api, Gateway, demo_tell, key, token_of

pytestmark = pytest.mark.slow

CSV = b"age,group,held\n" + b"".join(b"%d,%s,%d\n" % (20 + n % 50, b"ab"[n % 2 : n % 2 + 1], n % 3) for n in range(400))


@pytest.fixture(scope="module")
def given() -> Iterator[Given]:
    with given_open() as servers:
        yield servers


@pytest.fixture(scope="module")
def stack(given: Given) -> Iterator[LiveStack]:
    """The product with nothing embedded, after the demo."""
    home = Path(tempfile.mkdtemp(prefix="fairway-elsewhere-"))
    try:
        with LiveStack(home, environ=given.environ, embedded=False) as product:
            demo_tell(product)
            yield product
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_nothing_embedded_is_started_and_every_file_is_in_the_bucket(stack, given):
    processes = {entry["name"] for entry in state_read(stack.home)["processes"] if entry["pid"]}

    assert processes == {"web", "live", "worker", "beat", "gateway"}
    assert not (stack.home / "postgres" / "data").exists()
    assert [path for path in (stack.home / "storage").rglob("*") if path.is_file()] == []
    assert [name for name in given.store.sizes() if not name.startswith("fairway/")] == []
    assert stack.manage("blobs_verify").returncode == 0
    assert stack.manage("audit_verify").returncode == 0


def test_the_approved_model_answers_from_files_in_the_bucket(stack):
    owner = Api(stack.url, token_of(stack, "owner", "read"))
    name = owner.get("deployments")["results"][0]["name"]
    gateway = Gateway(stack.gateway_url, token_of(stack, "scientist", "predict"))

    answer = wait_for(lambda: (a := gateway.infer(name, DEMO_ROW)).status == 200 and a, 60, "a prediction")

    assert answer.body["outputs"]


def test_a_store_that_is_away_is_a_503_that_leaves_nothing_and_work_goes_on_afterwards(stack, given):
    person = Api(stack.url, token_of(stack, "scientist", "read", "write"), seconds=60)
    version = person.get(f"datasets/{person.get('datasets')['results'][0]['id']}/versions")["results"][0]
    team = person.get("datasets")["results"][0]["team_id"]
    dataset = person.post("datasets", {"name": "Elsewhere", "team_id": team}, key=key())["id"]
    upload = person.post(f"datasets/{dataset}/uploads", {"filename": "rows.csv", "size": len(CSV)}, key=key())["id"]

    with given.store.away():
        sent = person.call("PUT", f"uploads/{upload}/parts", data=CSV, offset=0)
        fetched = person.call("GET", f"dataset-versions/{version['id']}/file")

    for refused in (sent, fetched):
        assert refused.status == 503, refused.text
        assert "file store cannot be reached" in refused.body["detail"]
        assert refused.headers["Retry-After"]
    assert person.get(f"uploads/{upload}")["received"] == 0
    person.call("PUT", f"uploads/{upload}/parts", data=CSV, offset=0).expect(200)
    done = person.call("POST", f"uploads/{upload}/complete").expect(200)
    assert person.call("GET", f"dataset-versions/{version['id']}/file").expect(200) is None
    assert not [name for name in given.store.sizes() if "/uploads/" in name], done
