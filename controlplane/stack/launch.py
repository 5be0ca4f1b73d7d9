"""Start one program as the supervisor wants it, then become that program. Run as a script; standard library only.

    python -I -S launch.py [--parent PID] [--death-signal N] [--user-namespace] [--user UID:GID] -- program arguments

`--user-namespace`: PostgreSQL refuses to run as root, so root's programs see themselves as `nobody` in a namespace of
their own, while their files stay root's. `--user` gives up root for good. `--death-signal` is sent by Linux when the
supervisor ends, however it ends; it is set last, because a change of credentials clears it.
"""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
NOBODY = 65534
FAILED = 71


def _fail(text: str) -> None:
    sys.stderr.write(f"launch: {text}\n")
    sys.stderr.flush()
    os._exit(FAILED)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def enter_user_namespace() -> None:
    """Map the present user to `nobody` in a new user namespace. Raises OSError where the kernel refuses."""
    uid, gid = os.geteuid(), os.getegid()
    if _libc().unshare(CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as handle:
            handle.write(text)


def main(arguments: list[str]) -> None:
    """Apply the options, then exec the program after `--`."""
    split = arguments.index("--")
    options, program = arguments[:split], arguments[split + 1 :]
    parent = death_signal = 0
    while options:
        option = options.pop(0)
        if option == "--user-namespace":
            try:
                enter_user_namespace()
            except OSError as error:
                _fail(f"no user namespace: {error}")
        elif option == "--user":
            uid, gid = options.pop(0).split(":")
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
        elif option == "--parent":
            parent = int(options.pop(0))
        elif option == "--death-signal":
            death_signal = int(options.pop(0))
        else:
            _fail(f"unknown option {option}")
    if death_signal and sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if parent and os.getppid() != parent:
        os._exit(FAILED)
    try:
        os.execv(program[0], program)  # noqa: S606 - what the supervisor named
    except OSError as error:
        _fail(f"{program[0]}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
