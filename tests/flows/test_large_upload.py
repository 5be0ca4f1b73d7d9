"""The largest file that is taken, 2 GiB: sent in parts, kept and profiled, while no process grows with it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest

from apps.datasets.contracts import MAX_BYTES, MAX_PART_BYTES
from controlplane.stack.testing import LiveStack
from tests.flows.stack import Api, people_make, stack_open

pytestmark = pytest.mark.slow

MIB = 1024**2
# Every line is 64 bytes, so that parts end with lines and the file is as long as it may be.
HEADER = b"id,value,colour,note".ljust(63, b"x") + b"\n"
LINE = b"%08d,%012.6f,%-6s,"
# MiB. The service copies a part or two; what grows with the file would grow by gigabytes.
MOST_SERVICE = 200
MOST_CHILD = 1024


def part_make() -> bytes:
    """16 MiB of rows."""
    rows = []
    for number in range(MAX_PART_BYTES // len(HEADER)):
        colour = (b"red", b"green", b"blue")[number % 3]
        rows.append((LINE % (number, number / 7, colour)).ljust(63, b"n") + b"\n")
    return b"".join(rows)


@dataclass
class Memory:
    """The most that each process of a product held since it began to be watched, in bytes, beside what it held then."""

    stack: LiveStack
    before: dict[psutil.Process, int] = field(default_factory=dict)
    most: dict[psutil.Process, int] = field(default_factory=dict)
    words: dict[psutil.Process, str] = field(default_factory=dict)

    def look(self) -> None:
        for process in self.stack.family():
            with contextlib.suppress(psutil.Error):
                # Its words first: a process may end between the two questions.
                if process not in self.words:
                    self.words[process] = f"{process.pid} {' '.join(process.cmdline())[:120]}"
                self.most[process] = max(process.memory_info().rss, self.most.get(process, 0))

    def grown(self) -> dict[str, int]:
        """MiB by which each process that was there from the beginning grew."""
        return {self.words[p]: (self.most[p] - held) // MIB for p, held in self.before.items()}

    def held(self) -> dict[str, int]:
        """MiB that each process held at most that came since."""
        return {self.words[p]: most // MIB for p, most in self.most.items() if p not in self.before}

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        self.look()
        self.before = dict(self.most)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.2):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_two_gibibytes_are_taken_and_profiled_in_flat_memory():
    with stack_open("fairway-large-") as stack:
        token = people_make(stack, {"large-scientist": ("DATA_SCIENTIST", "Large")})["large-scientist"].token
        person = Api(stack.url, token, seconds=300)
        team = person.get("teams")["results"][0]["id"]
        dataset = person.post("datasets", {"team_id": team, "name": "Large"})["id"]
        part = part_make()
        memory = Memory(stack)
        with memory.watched():
            told = {"filename": "large.csv", "size": MAX_BYTES}
            upload = person.post(f"datasets/{dataset}/uploads", told)["id"]
            for offset in range(0, MAX_BYTES, MAX_PART_BYTES):
                data = part if offset else HEADER + part[len(HEADER) :]
                person.call("PUT", f"uploads/{upload}/parts", data=data, offset=offset).expect(200)
            done = person.call("POST", f"uploads/{upload}/complete").expect(200)
            job = person.ended(done["version"]["job_id"], seconds=600)
        version = person.get(f"dataset-versions/{done['version']['id']}")

    assert job["state"] == "SUCCEEDED"
    assert version["row_count"] == MAX_BYTES // len(HEADER) - 1
    assert {process: mib for process, mib in memory.grown().items() if mib > MOST_SERVICE} == {}
    assert {process: mib for process, mib in memory.held().items() if mib > MOST_CHILD} == {}
