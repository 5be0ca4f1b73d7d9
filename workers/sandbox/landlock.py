"""Landlock: a process gives up every file, and every TCP port, that it is not told it may keep (Linux 5.13
and later).
"""

import ctypes
import os
from collections.abc import Iterable

from workers.sandbox.system import LINUX, machine, system_call

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH, _RULE_PORT = 1, 2

EXECUTE, WRITE, READ, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1, 2, 4, 8, 16, 32
_MAKE = 64 | 128 | 256 | 512 | 1024 | 2048 | 4096  # char, dir, regular, socket, fifo, block, symlink
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1, 2

READ_ONLY = EXECUTE | READ | READ_DIR
READ_WRITE = READ | READ_DIR | WRITE | REMOVE_DIR | REMOVE_FILE | 128 | 256 | 1024 | 4096 | _REFER | _TRUNCATE
_FILE_RIGHTS = EXECUTE | WRITE | READ | _TRUNCATE | _IOCTL


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _PortRule(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def landlock_abi() -> int:
    """The version of Landlock that this kernel speaks; 0 when it has none."""
    if not LINUX or machine() not in ("x86_64", "aarch64"):
        return 0
    try:
        return system_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


def _handled(abi: int) -> int:
    rights = EXECUTE | WRITE | READ | READ_DIR | REMOVE_DIR | REMOVE_FILE | _MAKE
    if abi >= 2:
        rights |= _REFER
    if abi >= 3:
        rights |= _TRUNCATE
    if abi >= 5:
        rights |= _IOCTL
    return rights


def landlock_apply(
    read: Iterable[str],
    write: Iterable[str],
    connect_ports: Iterable[int] | None = None,
    own_ports: Iterable[int] = (),
) -> list[str]:
    """Restricts this process and its children to these paths, and to connecting to these ports, for ever.

    `own_ports` are those that it may also listen on. Paths that do not exist are left out. `connect_ports` None leaves
    the network alone. Needs no_new_privs.
    Returns what is now in force, of "files", "tcp", "signals". Raises OSError when the kernel refuses.
    """
    abi = landlock_abi()
    if abi < 1:
        return []
    files = _handled(abi)
    net = _BIND_TCP | _CONNECT_TCP if abi >= 4 and connect_ports is not None else 0
    scoped = _SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL if abi >= 6 else 0
    attributes = _Attributes(files, net, scoped)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = system_call(_CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in read:
            _allow(ruleset, path, READ_ONLY & files)
        for path in write:
            _allow(ruleset, path, READ_WRITE & files)
        for port in connect_ports or () if net else ():
            rule = _PortRule(_CONNECT_TCP, port)
            system_call(_ADD, ctypes.c_int(ruleset), _RULE_PORT, ctypes.byref(rule), ctypes.c_uint32(0))
        for port in own_ports if net else ():
            rule = _PortRule(_BIND_TCP | _CONNECT_TCP, port)
            system_call(_ADD, ctypes.c_int(ruleset), _RULE_PORT, ctypes.byref(rule), ctypes.c_uint32(0))
        system_call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return ["files", *(["tcp"] if net else []), *(["signals"] if scoped else [])]


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = _PathRule(rights, handle)
        system_call(_ADD, ctypes.c_int(ruleset), _RULE_PATH, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(handle)
