"""What an executor is asked to run, and what it answers. Standard library only."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""The directory that holds the packages `workers` and `analysis`: what a job's Python needs on its path."""

MIB = 1024 * 1024
GIB = 1024 * MIB

EXIT_BAD_INPUT = 65
"""The child's exit code when the input cannot be used; its results payload then holds {"error": {...}}."""
EXIT_OUT_OF_MEMORY = 71
"""The child's exit code when Python itself could not allocate."""
EXIT_CANCELLED = 75
"""The child's exit code when it stopped because the web asked for it."""


CHILD_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "skops", "lightgbm", "numba")
"""What the Python of a place that runs the standard child must have, beside the code that travels with the job."""


class JobState(StrEnum):
    """RUNNING: the process lives. EXITED: its end is recorded. LOST: nobody can say how it ended."""

    RUNNING = "RUNNING"
    EXITED = "EXITED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Upper bounds of one attempt, summed over its whole process tree (file_bytes: for each single file)."""

    cpu_seconds: int = 3_600
    memory_bytes: int = 4 * GIB
    wall_seconds: int = 3_600
    file_bytes: int = 4 * GIB
    output_bytes: int = 64 * MIB
    cores: int = 1
    lease_seconds: float = 60.0
    gpus: int = 0

    def __post_init__(self) -> None:
        for name in (
            "cpu_seconds",
            "memory_bytes",
            "wall_seconds",
            "file_bytes",
            "output_bytes",
            "cores",
            "lease_seconds",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"The limit {name} must be more than zero.")
        if self.gpus < 0:
            raise ValueError("The limit gpus must not be less than zero.")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One attempt of one job. `directory` is private to the attempt; `env` is added to a clean environment.

    `read`: directories that the attempt may read beside its own; `connect_ports`: TCP ports that it may connect to
    beside the web's; `own_ports`: ports of this machine that its own processes may talk over. The
    token never shows in `repr`, in argv or in a file; it reaches the child through its environment alone.
    """

    job_id: str
    attempt: int
    kind: str
    argv: tuple[str, ...]
    directory: str
    base_url: str = ""
    token: str = field(default="", repr=False)
    run_id: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: JobLimits = field(default_factory=JobLimits)
    read: tuple[str, ...] = ()
    connect_ports: tuple[int, ...] = ()
    own_ports: tuple[int, ...] = ()

    def child_environment(self) -> dict[str, str]:
        """The variables a child is promised (they win over `env`); the rest comes from the executor."""
        values = {
            **self.env,
            "FAIRWAY_JOB_ID": self.job_id,
            "FAIRWAY_ATTEMPT": str(self.attempt),
            "FAIRWAY_RUN_ID": self.run_id,
            "FAIRWAY_URL": self.base_url,
            "FAIRWAY_TOKEN": self.token,
            "MLFLOW_TRACKING_URI": self.base_url,
            "MLFLOW_TRACKING_TOKEN": self.token,
        }
        if self.run_id:
            values["MLFLOW_RUN_ID"] = self.run_id
        return values


@dataclass(frozen=True, slots=True)
class JobStatus:
    """State of an attempt as its executor knows it. `cause`: one sentence, empty while all is well."""

    state: JobState
    exit_code: int | None = None
    signal: int | None = None
    cause: str = ""
    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    peak_rss_bytes: int = 0

    @property
    def succeeded(self) -> bool:
        """True only for a recorded end with exit code 0 that no limit, stop or lease caused."""
        return self.state is JobState.EXITED and self.exit_code == 0 and not self.cause


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output: pass `offset_end` as `after_offset` next time; `at` is Unix time in seconds."""

    offset_end: int
    at: float
    text: str


def child_argv() -> tuple[str, ...]:
    """The command of the standard child; it learns its kind and its spec from the attempt API."""
    return (sys.executable, "-P", "-m", "workers.runner.child")
