"""The keeper of checkpoints: whole ones, when they stand still, at a stated share of the time."""

import hashlib
import os
from pathlib import Path

import pytest

from workers.runner.checkpoints import Keeper, folder_fill
from workers.runner.errors import BadInput


class Web:
    """Takes what the keeper sends, as the web does."""

    def __init__(self) -> None:
        self.bytes: dict[str, bytes] = {}
        self.kept: list[dict[str, str]] = []
        self.on_send = lambda: None

    def output(self, name: str, source: Path) -> dict[str, object]:
        self.bytes[name.removeprefix("checkpoint-")] = source.read_bytes()
        self.on_send()
        return {}

    def checkpoint(self, files: list[dict[str, str]]) -> dict[str, object]:
        self.kept.append({one["path"]: one["sha256"] for one in files})
        return {"number": len(self.kept)}

    def close(self) -> None: ...

    def newest(self) -> dict[str, bytes]:
        """Bytes by path of the newest checkpoint; each has the hash that it is named by."""
        found = {path: self.bytes[sha256] for path, sha256 in self.kept[-1].items()}
        assert all(hashlib.sha256(data).hexdigest() in self.bytes for data in found.values())
        return found


@pytest.fixture
def said() -> list[str]:
    return []


def keeper_make(tmp_path: Path, web: Web, said: list[str], clock=lambda: 0.0, sent=()) -> tuple[Keeper, Path]:
    folder = tmp_path / "checkpoints"
    folder.mkdir(exist_ok=True)
    return Keeper(web, folder, said.append, clock=clock, sent=sent), folder  # type: ignore[arg-type]


def test_what_changed_and_stands_still_is_kept_whole(tmp_path, said):
    web = Web()
    keeper, folder = keeper_make(tmp_path, web, said)
    (folder / "deep").mkdir()
    (folder / "deep" / "state").write_bytes(b"one")

    keeper.look()
    assert web.kept == []
    keeper.look()

    assert web.newest() == {"deep/state": b"one"}
    assert said == ["Kept checkpoint 1: 1 file"]
    keeper.look()
    assert len(web.kept) == 1


def test_a_file_that_is_written_while_it_is_sent_is_no_checkpoint(tmp_path, said):
    web = Web()
    keeper, folder = keeper_make(tmp_path, web, said)
    (folder / "state").write_bytes(b"half")
    web.on_send = lambda: (folder / "state").write_bytes(b"half and the rest")

    keeper.look()
    keeper.look()
    assert web.kept == []

    web.on_send = lambda: None
    keeper.close()
    assert web.newest() == {"state": b"half and the rest"}


def test_the_end_keeps_what_was_written_last(tmp_path, said):
    web = Web()
    keeper, folder = keeper_make(tmp_path, web, said)
    (folder / "state").write_bytes(b"last words")

    keeper.close()

    assert web.newest() == {"state": b"last words"}


def test_what_the_attempt_began_with_is_no_checkpoint_of_its_own_and_not_sent_again(tmp_path, said):
    web = Web()
    sha256 = hashlib.sha256(b"begun").hexdigest()
    folder = tmp_path / "checkpoints"
    folder_fill(folder, {"files": [{"path": "a/state", "sha256": sha256}]}, lambda sha, path: _write(path, b"begun"))
    keeper, folder = keeper_make(tmp_path, web, said, sent=[sha256])

    keeper.look()
    keeper.look()
    assert web.kept == []

    (folder / "new").write_bytes(b"new")
    keeper.close()
    assert set(web.kept[-1]) == {"a/state", "new"}
    assert set(web.bytes) == {hashlib.sha256(b"new").hexdigest()}


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_folder_that_changes_all_the_time_is_not_sent_all_the_time(tmp_path, said):
    web = Web()
    now = [0.0]
    keeper, folder = keeper_make(tmp_path, web, said, clock=lambda: now[0])
    for number in range(20):
        (folder / "state").write_bytes(b"x" * (number + 1))
        keeper.look()
        keeper.look()
        now[0] += 1.0

    assert len(web.kept) == 4


def test_links_and_more_files_than_are_kept_lead_nowhere(tmp_path, said):
    web = Web()
    keeper, folder = keeper_make(tmp_path, web, said)
    os.symlink("/etc/passwd", folder / "link")
    os.symlink("/etc", folder / "links")
    os.mkfifo(folder / "pipe")
    (folder / "new\nline").write_bytes(b"odd")

    keeper.close()
    assert web.kept == []
    assert len(said) == 1

    for number in range(1001):
        (folder / str(number)).write_bytes(b"")
    keeper.close()
    assert web.kept == []
    assert "at most 1000" in said[-1]


@pytest.mark.parametrize("path", ["../out", "/etc/cron.d/x", "a/../../b"])
def test_a_path_that_leads_out_of_the_folder_is_not_written(tmp_path, path):
    with pytest.raises(BadInput):
        folder_fill(tmp_path / "c", {"files": [{"path": path, "sha256": "a" * 64}]}, _no_fetch)


def test_code_that_has_a_file_of_the_folders_name_is_told(tmp_path):
    (tmp_path / "c").write_text("a file")

    with pytest.raises(BadInput, match="cannot be made"):
        folder_fill(tmp_path / "c", None, _no_fetch)


def _no_fetch(sha256: str, path: Path) -> Path:
    raise AssertionError(path)
