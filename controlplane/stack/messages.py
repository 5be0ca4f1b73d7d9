"""What the terminal says: steps with their seconds, notes, and failures as one sentence."""

from __future__ import annotations

import errno
import sys
import time
from pathlib import Path
from typing import TextIO


class StackError(Exception):
    """A failure that a person can act on; its text is one sentence that says what to do."""


def say(text: str = "", stream: TextIO | None = None) -> None:
    """Write one line. A closed terminal is no reason to fail: the services must still be ended in order."""
    target = stream or sys.stdout
    try:
        target.write(text + "\n")
        target.flush()
    except (OSError, ValueError):
        return


def os_failure(error: OSError, what: str, path: Path) -> StackError:
    """The sentence for a failed operation on a path: a full disk, a missing right, a read-only place."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StackError(f"The disk is full: free some space for {path}, then run the same command again.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return StackError(
            f"{path} cannot be {what} by this user: give yourself the right to it, "
            "or name another folder with FAIRWAY_HOME."
        )
    if error.errno == errno.EROFS:
        return StackError(f"{path} is on a read-only disk: name another folder with FAIRWAY_HOME.")
    return StackError(f"{path} cannot be {what} ({error.strerror or error}): name another folder with FAIRWAY_HOME.")


class Step:
    """A long step on the terminal: its name at once, its seconds while it runs and when it is done."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self.title = title
        self.stream = stream or sys.stdout
        self.started = time.monotonic()
        self.shown = 0.0
        try:
            self.terminal = self.stream.isatty()
        except ValueError:
            self.terminal = False
        if self.terminal:
            self._draw(f"  .. {title}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def tick(self, detail: str = "") -> None:
        """Show that the step is still at work: each half second on a terminal, each ten seconds in a file."""
        elapsed = self.seconds
        if elapsed - self.shown < (0.5 if self.terminal else 10):
            return
        self.shown = elapsed
        text = f"{self.title}, {elapsed:.0f} s" + (f": {detail}" if detail else "")
        if self.terminal:
            self._draw(f"  .. {text}")
        else:
            say(f"  .. {text}", self.stream)

    def done(self, detail: str = "") -> None:
        """Close the step with the seconds that it took."""
        text = f"  ok {self.title}, {self.seconds:.1f} s" + (f": {detail}" if detail else "")
        if self.terminal:
            self._draw(text)
            say("", self.stream)
        else:
            say(text, self.stream)

    def failed(self) -> None:
        """Close the step's line before the sentence that tells what went wrong."""
        if self.terminal:
            self._draw(f"  !! {self.title}, {self.seconds:.1f} s")
            say("", self.stream)
        else:
            say(f"  !! {self.title}, {self.seconds:.1f} s", self.stream)

    def _draw(self, text: str) -> None:
        try:
            self.stream.write(f"\r\x1b[2K{text[:118]}")
            self.stream.flush()
        except (OSError, ValueError):
            return
