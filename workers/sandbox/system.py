"""Raw system calls and prctl through ctypes. Everything answers "not here" on systems other than Linux."""

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Any

PR_SET_PDEATHSIG = 1
PR_GET_SECCOMP = 21
PR_SET_SECCOMP = 22
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
LINUX = sys.platform.startswith("linux")


@cache
def libc() -> Any:
    """The C library of this process, with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """The processor family: "x86_64", "aarch64" or what the system calls itself."""
    name = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(name, name)


def prctl(option: int, argument: int = 0, *more: int) -> int:
    """prctl(2). Raises OSError."""
    rest = [ctypes.c_ulong(value) for value in (*more, 0, 0, 0)][:3]
    result: int = libc().prctl(option, ctypes.c_ulong(argument), *rest)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def system_call(number: int, *arguments: Any) -> int:
    """syscall(2). Raises OSError."""
    result: int = libc().syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def capabilities_drop() -> None:
    """Empties the capability sets, so that root is held by file permissions like anybody. Raises OSError."""

    class Header(ctypes.Structure):
        _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))

    class Data(ctypes.Structure):
        _fields_ = (
            ("effective", ctypes.c_uint32),
            ("permitted", ctypes.c_uint32),
            ("inheritable", ctypes.c_uint32),
        )

    header = Header(0x20080522, 0)
    data = (Data * 2)()
    if libc().capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
