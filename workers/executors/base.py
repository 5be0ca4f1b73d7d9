"""The protocol of every executor. A new one passes `executors/tests/contract.py` before it is listed."""

from typing import Protocol

from workers.contracts.jobspec import JobSpec, JobStatus, Line


class ExecutorError(Exception):
    """The executor could not do what it was asked; the message is one sentence for people."""


class Executor(Protocol):
    """Runs attempts. A handle is a text that any worker may use, also one started after the attempt was."""

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
