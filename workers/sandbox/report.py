"""What this machine can hold a job to, in facts and in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox.landlock import landlock_abi
from workers.sandbox.policy import readable_paths, uid_for
from workers.sandbox.seccomp import seccomp_available
from workers.sandbox.system import LINUX


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What is in force for jobs on this machine; `gaps` has one sentence for each thing that is not."""

    files: bool
    tcp: bool
    signals: bool
    unix_sockets: bool
    other_processes: bool
    system_calls: bool
    no_new_privs: bool
    distinct_user: bool
    landlock_abi: int
    gaps: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The same as plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"gaps": list(self.gaps)}


def sandbox_report(jobs_directory: Path, project: Sequence[Path] = ()) -> SandboxReport:
    """What a job started now under `jobs_directory` would be held to. Starts and changes nothing."""
    abi, filter_ = landlock_abi(), seccomp_available()
    uid, why = uid_for("report", jobs_directory, readable_paths(*project))
    gaps = []
    if abi < 1:
        gaps.append("Jobs can read every file that the worker's user can read: this system has no Landlock.")
    if abi < 4:
        gaps.append("Jobs can connect to any TCP port: this kernel's Landlock does not cover the network.")
    if abi < 6:
        gaps.append("Jobs can signal other processes of the same user: this kernel's Landlock does not cover it.")
    if not filter_ and uid is None:
        gaps.append("Jobs can connect to unix sockets of the same user: there is no system call filter here.")
    if uid is None:
        gaps.append(f"Jobs run as the worker's user: {why}.")
    gaps.append("Jobs can send UDP packets (names are resolved that way).")
    return SandboxReport(
        files=abi >= 1,
        tcp=abi >= 4,
        signals=abi >= 6,
        unix_sockets=filter_ or uid is not None,
        other_processes=abi >= 1 or uid is not None,
        system_calls=filter_,
        no_new_privs=LINUX,
        distinct_user=uid is not None,
        landlock_abi=abi,
        gaps=tuple(gaps),
    )
