"""Is this a pickle? Told by its first bytes and, for the oldest protocols, by following its opcodes. Runs nothing."""

import re

HEAD_BYTES = 64 * 1024
"""How much of a file is looked at."""

_NEWEST = 15  # no protocol is that new; a byte above it is no protocol
_FIXED = {b"J": 4, b"K": 1, b"M": 2, b"h": 1, b"j": 4, b"G": 8, b"q": 1, b"r": 4, b"\x80": 1, b"\x95": 8}
_EXTENSION = {b"\x82": 1, b"\x83": 2, b"\x84": 4}
_COUNTED = {
    b"T": 4,
    b"U": 1,
    b"X": 4,
    b"B": 4,
    b"C": 1,
    b"\x8a": 1,
    b"\x8b": 4,
    b"\x8c": 1,
    b"\x8d": 8,
    b"\x8e": 8,
    b"\x96": 8,
}
_WHOLE, _NUMBER, _TEXT = rb"[+-]?\d+L?", rb"[+-]?[\d.]+([eE][+-]?\d+)?|[+-]?(inf|nan)", rb"(['\"]).*\1"
_LINES = {
    b"I": re.compile(_WHOLE),
    b"L": re.compile(_WHOLE),
    b"F": re.compile(_NUMBER),
    b"S": re.compile(_TEXT),
    b"V": re.compile(rb".*"),
    b"g": re.compile(rb"\d+"),
    b"p": re.compile(rb"\d+"),
}
_GLOBAL = re.compile(rb"[A-Za-z_][\w.]*")
_NO_PUSH = frozenset({b"q", b"r", b"p", b"\x80", b"\x95"})
# (taken, given) of the opcodes without an argument that take from the stack.
_PLAIN = {
    b"0": (1, 0),
    b"2": (1, 2),
    b"a": (2, 1),
    b"s": (3, 1),
    b"N": (0, 1),
    b"}": (0, 1),
    b"]": (0, 1),
    b")": (0, 1),
    b"\x85": (1, 1),
    b"\x86": (2, 1),
    b"\x87": (3, 1),
    b"\x88": (0, 1),
    b"\x89": (0, 1),
    b"\x8f": (0, 1),
    b"\x93": (2, 1),
    b"\x94": (1, 1),
    b"\x97": (0, 1),
    b"\x98": (1, 1),
}
_CALLS = {b"R": (2, 1), b"b": (2, 1), b"\x81": (2, 1), b"\x92": (3, 1)}
# Opcodes that take all down to the last mark, and how many they leave.
_MARKED = {b"1": 0, b"d": 1, b"l": 1, b"t": 1, b"e": 0, b"u": 0, b"\x90": 0, b"\x91": 1}


def is_pickle(head: bytes) -> bool:
    """Whether unpickling a file with this beginning would give an object or call something.

    A pickle calls what it names on its way, so it need not be whole to do harm: a call that would be made counts
    like a proper end.
    """
    if len(head) >= 2 and head[0] == 0x80 and head[1] <= _NEWEST:
        return True
    return _follow(head)


def _follow(data: bytes) -> bool:
    at, depth, marks = 0, 0, list[int]()
    while at < len(data):
        code = data[at : at + 1]
        at += 1
        if code == b".":
            return depth >= 1
        if code == b"(":
            marks.append(depth)
            continue
        if code in (b"i", b"o"):
            return bool(marks) and (code == b"o" or _global_end(data, at) is not None)
        if code in _MARKED:
            if not marks:
                return False
            depth = marks.pop() + _MARKED[code]
        elif code in _CALLS:
            return depth - (marks[-1] if marks else 0) >= _CALLS[code][0]
        elif code in _PLAIN:
            taken, given = _PLAIN[code]
            if depth < taken:
                return False
            depth += given - taken
        elif code == b"c":
            end = _global_end(data, at)
            if end is None:
                return False
            at, depth = end, depth + 1
        else:
            end = _argument_end(data, at, code)
            if end is None:
                return False
            at, depth = end, depth + (code not in _NO_PUSH)
    return False


def _global_end(data: bytes, at: int) -> int | None:
    """Where the two lines of a global end; None when they name nothing."""
    for _ in range(2):
        end = data.find(b"\n", at)
        if end < 0 or not _GLOBAL.fullmatch(data[at:end]):
            return None
        at = end + 1
    return at


def _argument_end(data: bytes, at: int, code: bytes) -> int | None:
    if code in _FIXED or code in _EXTENSION:
        return at + (_FIXED.get(code) or _EXTENSION[code])
    if code in _COUNTED:
        width = _COUNTED[code]
        return at + width + int.from_bytes(data[at : at + width], "little")
    line = _LINES.get(code)
    end = data.find(b"\n", at)
    if line is None or end < 0 or not line.fullmatch(data[at:end]):
        return None
    return end + 1
