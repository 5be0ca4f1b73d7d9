"""Keeps what code writes into its checkpoint folder, while it runs and when it ends.

A checkpoint is kept once the folder has changed and then stood still between two looks, so that no half of a file is;
it counts only when the folder is still the same after everything was sent.
"""

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from workers.contracts.checkpoints import MAX_FILES, path_of
from workers.runner.client import ApiError, Client
from workers.runner.errors import BadInput

LOOK_SECONDS = 1.0
LEAST_PAUSE = 5.0
COST = 20
"""Sending takes at most about one part in so many of the time."""
ENDING_SECONDS = 600.0
CHUNK = 1024 * 1024
Stamp = dict[str, tuple[int, int]]
"""{path: (size, time of change in ns)} of the files below the folder."""


class Keeper:
    """Watches one folder. `client` is for it alone; `sent` are hashes that the web has already."""

    def __init__(
        self,
        client: Client,
        folder: Path,
        say: Callable[[str], None],
        *,
        sent: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._folder = folder
        self._say = say
        self._clock = clock
        self._sent = set(sent)
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._kept = self._last = self._stamp()
        self._next = 0.0
        self._count = 0
        self._told: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stops watching and keeps what is there now, when it is not kept yet."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(ENDING_SECONDS)
        stamp = self._stamp()
        if stamp and stamp != self._kept:
            self._keep(stamp)
        self._client.close()

    def _run(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Keeps a checkpoint when the folder changed since the last one and stood still since the last look."""
        stamp = self._stamp()
        still, self._last = stamp == self._last, stamp
        began = self._clock()
        if not stamp or not still or stamp == self._kept or began < self._next:
            return
        self._keep(stamp)
        now = self._clock()
        self._next = now + max(LEAST_PAUSE, COST * (now - began))

    def _keep(self, stamp: Stamp) -> None:
        if len(stamp) > MAX_FILES:
            self._tell_once(f"The checkpoint is not kept: it has {len(stamp)} files, and at most {MAX_FILES} are.")
            return
        try:
            files = [{"path": path, "sha256": self._send(path, *facts)} for path, facts in stamp.items()]
            if self._stamp() != stamp:
                return  # it was being written: the next look is for the whole
            kept = self._client.checkpoint(files)
        except (ApiError, OSError) as error:
            self._tell_once(f"A checkpoint could not be kept: {error}")
            return
        self._kept = stamp
        self._sent = {str(one["sha256"]) for one in files}
        self._count += 1
        count = len(files)
        # A line for each would fill the log of a long job.
        if self._count == 1 or self._ending.is_set():
            self._say(f"Kept checkpoint {kept['number']}: {count} {'file' if count == 1 else 'files'}")

    def _send(self, path: str, size: int, changed: int) -> str:
        """The hash of a file whose bytes the web has then."""
        known = self._hashes.get((path, size, changed))
        if known in self._sent:
            return str(known)
        copy = self._folder.parent / f".{self._folder.name}.sending"
        try:
            digest = hashlib.sha256()
            with open(self._folder / path, "rb") as source, open(copy, "wb") as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            sha256 = digest.hexdigest()
            if sha256 not in self._sent:
                self._client.output(f"checkpoint-{sha256}", copy)
                self._sent.add(sha256)
        finally:
            copy.unlink(missing_ok=True)
        self._hashes[path, size, changed] = sha256
        return sha256

    def _stamp(self) -> Stamp:
        return dict(sorted(self._files()))

    def _files(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for path in self._folder.rglob("*"):
            with contextlib.suppress(OSError):
                facts = path.lstat()
                name = path.relative_to(self._folder).as_posix()
                if not path.is_symlink() and path.is_file() and self._plain(name):
                    yield name, (facts.st_size, facts.st_mtime_ns)

    def _plain(self, name: str) -> bool:
        try:
            path_of(name)
        except ValueError as error:
            self._tell_once(f"Not kept with the checkpoint: {error}")
            return False
        return True

    def _tell_once(self, text: str) -> None:
        if text not in self._told and len(self._told) < 20:
            self._told.add(text)
            self._say(text)


def folder_fill(folder: Path, begun: Mapping[str, Any] | None, fetch: Callable[[str, Path], Path]) -> None:
    """Makes the folder, with the files of the checkpoint that the attempt begins with; `fetch` checks their hashes.

    Raises BadInput when the code has a file of that name, or a path leads out of it; ApiError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("checkpoint", f"The checkpoint folder cannot be made: {error.strerror}.") from error
    for one in begun["files"] if begun else ():
        try:
            target = folder.joinpath(*PurePosixPath(path_of(str(one["path"]))).parts)
        except ValueError as error:
            raise BadInput("checkpoint", str(error)) from error
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch(str(one["sha256"]), target)
