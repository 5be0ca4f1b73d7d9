"""What ends a command, with the exit code that a script can tell apart."""

from __future__ import annotations

from typing import Any

import click

REFUSED, USAGE, AWAY, FAILED = 1, 2, 3, 4


class Refused(click.ClickException):
    """The server said no: its sentence, what stands against each field, and the reference of the request."""

    exit_code = REFUSED

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("message") or problem.get("title") or "Refused."))
        self.status = int(problem.get("status") or 0)
        self.problem = problem

    def format_message(self) -> str:
        lines = [self.message]
        for field, texts in (self.problem.get("errors") or {}).items():
            lines += [f"  {field}: {text}" for text in (texts if isinstance(texts, list) else [texts])]
        lines += [f"  - {item}" for item in self.problem.get("items") or []]
        if self.problem.get("reference"):
            lines.append(f"  (reference {self.problem['reference']})")
        return "\n".join(lines)


class Away(click.ClickException):
    """The server cannot be reached, or asks to come back later and did not recover meanwhile."""

    exit_code = AWAY


class Failed(click.ClickException):
    """What was waited for ended otherwise than hoped: a job that failed, a gate that does not pass."""

    exit_code = FAILED


class Unclear(click.UsageError):
    """A name that fits nothing, or more than one thing."""
