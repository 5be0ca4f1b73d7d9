"""The child's HTTP client: retries, digests, cancel, and the words of errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.runner.client import ApiError, Cancelled, Client, json_safe
from workers.runner.tests.peer import RUN_ID, TOKEN, Peer


@pytest.fixture
def peer() -> Iterator[Peer]:
    found = Peer("train", {"x": 1}).start()
    yield found
    found.stop()


def _client(peer: Peer, patience: float = 5, token: str = TOKEN) -> tuple[Client, list[float]]:
    pauses: list[float] = []
    return Client(peer.url, token, patience=patience, pause=pauses.append), pauses


def test_a_busy_web_is_tried_again_with_growing_pauses_on_one_connection(peer: Peer) -> None:
    peer.failing = 3
    client, pauses = _client(peer)

    assert client.attempt()["spec"] == {"x": 1}

    assert pauses == [0.1, 0.2, 0.4]
    assert peer.connections == 1


def test_a_web_that_stays_away_is_an_error_in_the_end(peer: Peer) -> None:
    client, pauses = _client(peer, patience=0.3)
    peer.stop()

    with pytest.raises(ApiError, match="cannot be reached"):
        client.attempt()
    assert pauses


def test_a_refusal_is_final_and_says_why_without_the_token(peer: Peer) -> None:
    client, pauses = _client(peer, token="fwr_wrong")

    with pytest.raises(ApiError) as caught:
        client.attempt()

    assert (caught.value.status, caught.value.message, pauses) == (401, "No.", [])
    assert "fwr" not in repr(client) + str(caught.value)


def test_a_download_with_another_digest_is_refused(peer: Peer, tmp_path: Path) -> None:
    client, _ = _client(peer)
    digest = str(peer.add(b"data")["sha256"])
    assert client.fetch(digest, tmp_path / "a").read_bytes() == b"data"
    peer.files[digest] = b"other"

    with pytest.raises(ApiError, match="digest"):
        client.fetch(digest, tmp_path / "b")


def test_cancel_is_raised_by_progress(peer: Peer) -> None:
    client, _ = _client(peer)
    peer.cancel_after = 1
    client.progress(0.5, "half")

    with pytest.raises(Cancelled):
        client.progress(0.6, "more")
    assert peer.progress[0] == {"fraction": 0.5, "text": "half"}


def test_large_batches_are_cut_to_the_limits(peer: Peer) -> None:
    client, _ = _client(peer)
    points = [{"key": "m", "value": float("nan"), "timestamp": 1, "step": step} for step in range(2500)]

    client.log_batch(RUN_ID, points, {f"p{i}": i for i in range(150)}, {"t": "x"})

    assert (len(peer.metrics), len(peer.params), peer.tags) == (2500, 150, {"t": "x"})
    assert peer.metrics[0]["value"] == "NaN"


def test_what_json_cannot_hold_is_put_in_words() -> None:
    assert json_safe({"a": (1.0, float("inf"), float("-inf")), 2: None}) == {
        "a": [1.0, "Infinity", "-Infinity"],
        "2": None,
    }


@pytest.mark.parametrize("address", ["", "ftp://x", "x:80", "file:///etc"])
def test_addresses_that_are_no_web(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(address, "t")
