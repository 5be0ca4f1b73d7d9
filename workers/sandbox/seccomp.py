"""A seccomp filter for what Landlock does not cover: unix sockets by path, other processes' memory, new
namespaces.
"""

import ctypes
import errno
import struct

from workers.sandbox.system import LINUX, PR_SET_SECCOMP, machine, prctl

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_AF_UNIX = 1
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} in the flags of clone(2)."""

_NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "socket": 41,
        "clone": 56,
        "ptrace": 101,
        "mount": 165,
        "umount2": 166,
        "init_module": 175,
        "add_key": 248,
        "request_key": 249,
        "keyctl": 250,
        "unshare": 272,
        "perf_event_open": 298,
        "open_by_handle_at": 304,
        "setns": 308,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "finit_module": 313,
        "bpf": 321,
        "userfaultfd": 323,
    },
    "aarch64": {
        "umount2": 39,
        "mount": 40,
        "unshare": 97,
        "init_module": 105,
        "ptrace": 117,
        "socket": 198,
        "add_key": 217,
        "request_key": 218,
        "keyctl": 219,
        "clone": 220,
        "perf_event_open": 241,
        "open_by_handle_at": 265,
        "setns": 268,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "finit_module": 273,
        "bpf": 280,
        "userfaultfd": 282,
    },
}
_COMMON = {"io_uring_setup": 425, "pidfd_getfd": 438}
_CLONE3 = 435


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def seccomp_available() -> bool:
    """Whether `seccomp_apply` has a filter for this system and processor."""
    return LINUX and machine() in _ARCH


def _step(code: int, true: int, false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)


def _program() -> bytes:
    """Refuses with EPERM; clone3, whose flags lie in memory, answers ENOSYS so that the C library takes
    clone.
    """
    refuse = _step(_RETURN, 0, 0, _ERRNO | errno.EPERM)
    allow = _step(_RETURN, 0, 0, _ALLOW)
    numbers = _NUMBERS[machine()]
    steps = [
        _step(_LOAD, 0, 0, 4),
        _step(_JUMP_EQUAL, 1, 0, _ARCH[machine()]),
        refuse,
        _step(_LOAD, 0, 0, 0),
        _step(_JUMP_GREATER, 0, 1, 0x40000000),  # the x32 table of x86_64
        refuse,
        _step(_JUMP_EQUAL, 0, 1, _CLONE3),
        _step(_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for name, number in {**numbers, **_COMMON}.items():
        if name not in ("socket", "clone"):
            steps += [_step(_JUMP_EQUAL, 0, 1, number), refuse]
    steps += [  # socket(AF_UNIX, ...): the lower half of the first argument lies at offset 16
        _step(_JUMP_EQUAL, 0, 4, numbers["socket"]),
        _step(_LOAD, 0, 0, 16),
        _step(_JUMP_EQUAL, 0, 1, _AF_UNIX),
        refuse,
        allow,
        _step(_JUMP_EQUAL, 0, 3, numbers["clone"]),
        _step(_LOAD, 0, 0, 16),
        _step(_JUMP_BITS, 0, 1, _NEW_NAMESPACES),
        refuse,
        allow,
    ]
    return b"".join(steps)


def seccomp_apply() -> bool:
    """Installs the filter for this process and its children, for ever. False where there is none. Raises
    OSError.

    Needs no_new_privs.
    """
    if not seccomp_available():
        return False
    code = _program()
    memory = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(memory, ctypes.c_void_p))
    prctl(PR_SET_SECCOMP, 2, ctypes.addressof(program))
    return True
