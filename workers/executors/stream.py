"""Reading what `workers.runner.afar` writes: a job's lines and the watch's words, out of one log."""

import contextlib
import json
import re
import time
from typing import Any

from workers.contracts.jobspec import Line

READ_BYTES = 1024 * 1024


def lines_of(window: bytes, begins: int, after: int, noise: re.Pattern[bytes]) -> list[Line]:
    """The complete lines after an offset of the log, about a megabyte at most.

    `window` is the log from the offset `begins` on. Lines that the place writes itself (`noise`) are left out, and so
    are the watch's words; what else is there, such as an interpreter that cannot start, is shown as it stands.
    """
    found: list[Line] = []
    start = after - begins
    enough = start + READ_BYTES
    at = time.time()
    while (end := window.find(b"\n", start)) >= 0 and start < enough:
        raw, start = window[start:end], end + 1
        shown = raw.decode("utf-8", "replace")
        if raw[:1] == b"L":
            stamp, _, text = raw[1:].partition(b"\t")
            with contextlib.suppress(ValueError):
                at, shown = float(stamp), str(json.loads(text))
        elif raw[:2] == b"S{" or noise.match(raw) or not raw.strip():
            continue
        found.append(Line(begins + start, at, shown))
    return found


def last_told(log: bytes) -> dict[str, Any] | None:
    """The watch's newest word in a log that was read from its beginning; None when there is none."""
    end = len(log)
    while (place := log.rfind(b"\nS{", 0, end)) >= 0 or log.startswith(b"S{"):
        line, mark, _ = log[place + 1 :].partition(b"\n")
        try:
            value = json.loads(line[1:]) if mark else None
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        if place < 0:
            return None
        end = place
    return None
