"""The protocol of every executor. A new one passes `executors/tests/contract.py` before it is listed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workers.contracts.jobspec import JobSpec, JobStatus, Line
from workers.executors.about import About

REACH = "reach"
AUTHENTICATE = "authenticate"


class ExecutorError(Exception):
    """The executor could not do what it was asked; the message is one sentence for people.

    `step` says where it went wrong, when that is known: "reach" (nobody answers) or "authenticate" (it answers, and
    does not let us in).
    """

    def __init__(self, message: str, *, step: str = "") -> None:
        super().__init__(message)
        self.step = step


@dataclass(frozen=True, slots=True)
class Health:
    """What came of asking the target: seconds until it answered and until it let us in (None: it asks for nothing),
    facts that it told of itself, and what an administrator should know although it works.
    """

    reach_seconds: float
    authenticate_seconds: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Runs attempts. A handle is a text that any worker may use, also one started after the attempt was."""

    about: About

    def health(self) -> Health:
        """Asks whether attempts could be started now; starts none. Raises ExecutorError with its step."""

    def submit(self, spec: JobSpec) -> str:
        """Starts the attempt and returns at once. Raises ExecutorError when it could not be started."""

    def status(self, handle: str) -> JobStatus:
        """The attempt's state; asking renews its lease, so ask more often than the lease is long.

        LOST when nobody can say how it ended; then nothing of it is left running.
        """

    def lines(self, handle: str, after_offset: int = 0) -> list[Line]:
        """The complete lines after an offset; go on from the last one's `offset_end`: none lost, none twice.

        Limited to about a megabyte a call: call again until there is none.
        """

    def stop(self, handle: str, grace: float = 5.0) -> None:
        """Asks for the end of the whole process tree: politely, then after `grace` seconds by force.

        Returns at once; `status` tells when it is done. An attempt that has ended stays as it is.
        """
