"""One process's restrictions as data, and their application between fork and exec."""

import os
import resource
import signal
import site
import stat
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox.landlock import landlock_apply
from workers.sandbox.seccomp import seccomp_apply
from workers.sandbox.system import (
    LINUX,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    capabilities_drop,
    prctl,
)

FIRST_UID, UIDS = 61_184, 4_000

_SYSTEM_READ = (
    "/usr",
    "/lib",
    "/lib32",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/group",
    "/etc/mime.types",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls",
    "/etc/ca-certificates",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/filesystems",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage",
    "/dev/urandom",
    "/dev/random",
)
_SYSTEM_WRITE = ("/dev/null", "/dev/zero", "/dev/full")


@dataclass(frozen=True, slots=True)
class SandboxPolicy:
    """What a process may have. Byte and second limits hold for each process; the parent watches the tree's
    sums.
    """

    read: tuple[str, ...]
    write: tuple[str, ...]
    connect_ports: tuple[int, ...] | None = None
    cpu_seconds: int | None = None
    data_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int = 1_024
    uid: int | None = None
    own_ports: tuple[int, ...] = ()


def readable_paths(*project: Path) -> tuple[str, ...]:
    """The interpreter, its packages, the system's libraries and the given project directories."""
    own = {
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        sysconfig.get_path("stdlib"),
        *site.getsitepackages(),
    }
    own |= {os.path.realpath(path) for path in own} | {os.path.dirname(os.path.realpath(sys.executable))}
    broad = {"/", "/usr", ""}
    return (*_SYSTEM_READ, *sorted(own - broad), *(str(path) for path in project))


def uid_for(attempt: str, jobs_directory: Path, read: tuple[str, ...]) -> tuple[int | None, str]:
    """(a user id of its own for an attempt, "") or (None, why this machine cannot give one).

    Only root can give one, and only when everybody may enter the interpreter, the project and the directory
    of the jobs: otherwise the child could not even start.
    """
    system = ("/proc", "/sys", "/dev", "/etc")
    needs = (
        str(jobs_directory),
        *(path for path in read if not path.startswith(system) and os.path.exists(path)),
    )
    if os.geteuid() != 0:
        return None, "the worker does not run as root"
    for path in needs:
        for step in [Path(path), *Path(path).parents]:
            try:
                mode = step.stat().st_mode
            except OSError:
                return None, f"{step} cannot be read"
            if not mode & stat.S_IXOTH and (step.is_dir() or step != Path(path)):
                return None, f"{step} is closed to other users"
    return FIRST_UID + sum(attempt.encode()) * 7 % UIDS, ""


def sandbox_apply(policy: SandboxPolicy, parent_pid: int | None = None) -> list[str]:
    """Puts this process under the policy, for ever; call it between fork and exec. Returns what is in force.

    The names: rlimits, parent_death, uid, capabilities, no_new_privs, files, tcp, signals, seccomp. What the
    system does not have is left out. Raises OSError where the system has it and refuses.
    """
    force = ["rlimits"]
    os.umask(0o077)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, policy.open_files)
    if policy.cpu_seconds is not None:
        _limit(resource.RLIMIT_CPU, policy.cpu_seconds, policy.cpu_seconds + 5)
    if policy.file_bytes is not None:
        _limit(resource.RLIMIT_FSIZE, policy.file_bytes)
    if policy.data_bytes is not None and LINUX:
        _limit(resource.RLIMIT_DATA, policy.data_bytes)
    if policy.uid is not None:
        os.setgroups([])
        os.setgid(policy.uid)
        os.setuid(policy.uid)
        force.append("uid")
    if not LINUX:
        return force
    if parent_pid is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)
        force.append("parent_death")
    capabilities_drop()
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    force += ["capabilities", "no_new_privs"]
    own = (f"/proc/{os.getpid()}",)
    write = (*policy.write, *_SYSTEM_WRITE)
    force += landlock_apply((*policy.read, *own), write, policy.connect_ports, policy.own_ports)
    if seccomp_apply():
        force.append("seccomp")
    return force


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    """Lowers a limit; one that is already lower stays."""
    _, ceiling = resource.getrlimit(which)
    wanted = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        wanted, soft = min(wanted, ceiling), min(soft, ceiling)
    resource.setrlimit(which, (soft, wanted))
