"""What rooms above tell this one: kinds of jobs with their callbacks, and panels on the job page."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.core.actors import Actor
    from apps.jobs.models import Job

FINAL_STATES = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"})
LIVE_ATTEMPTS = ("LEASED", "RUNNING")
"""States of an attempt that holds a place."""
OPEN_STATES = frozenset({"PENDING", "QUEUED", "STARTING", "RUNNING"})

PRIORITIES = {"low": 0, "normal": 1, "high": 2}
"""Classes of the order of work by their words; see apps/jobs/order.py."""

Outputs = dict[str, dict[str, Any]]
"""{name: {"sha256", "size"}} of the files that the child stored."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the card "Inputs" on the job page."""

    label: str
    text: str
    url: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an attempt gets beside the usual, on the machine that runs it: directories to read, ports to connect to,
    ports that its own processes may talk over, variables.
    """

    read: tuple[str, ...] = ()
    connect_ports: tuple[int, ...] = ()
    own_ports: tuple[int, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job and what the room that owns it wants to be told.

    All callbacks run in the transaction of the change they follow, each in a savepoint of its own.

    - `on_finish(job, result, outputs)`: exit code 0. A FairwayError ends the job FAILED with its sentence as cause;
      a returned dict ({"label", "url"}) is kept as `job.result` and shown as what the job made.
    - `on_fail(job, cause)`: the job ended FAILED, CANCELLED or TIMED_OUT (`job.state` says which).
    - `on_restart(job, reason)`: an attempt was lost and the job waits for the next one.
    - `on_retry(actor, old, new)`: a person retries an ended job; `new` is saved but not yet seen by a worker, the
      callback may change its `title`, `run_id`, `subject_*`, `spec` and `files` (it is saved again afterwards), and
      refuses the retry with a FairwayError.
    - `subject_url(job)`: where the thing that the job works for is shown.
    - `retry_note`: what a retry takes over and what it asks anew, in one sentence beside the button.
    - `facts(actor, job)`: lines of the card "Inputs".
    - `argv(job)`: the command of the child; left out, the standard child.
    - `surroundings(job)`: called by the worker before each attempt, outside any transaction; may take a while. A
      FairwayError counts as an attempt that could not be started.
    - `restartable`: may a launch declare that a job of the kind can be ended at any time and begun again?
    - `within_quota`: False for what follows from something else that was let in (the profile of an upload); it is
      charged, and never refused for a quota.
    - `verbs`: whoever holds one of these in the team may launch, retry and cancel jobs of the kind.
    """

    name: str
    title: str
    on_finish: Callable[[Job, dict[str, Any], Outputs], dict[str, Any] | None] | None = None
    on_fail: Callable[[Job, str], None] | None = None
    on_restart: Callable[[Job, str], None] | None = None
    on_retry: Callable[[Actor, Job, Job], None] | None = None
    retry_note: str = ""
    subject_url: Callable[[Job], str] | None = None
    facts: Callable[[Actor, Job], Sequence[Fact]] | None = None
    argv: Callable[[Job], tuple[str, ...]] | None = None
    surroundings: Callable[[Job], Surroundings] | None = None
    verbs: tuple[str, ...] = ("job.run",)
    within_quota: bool = True
    restartable: bool = False


_kinds: dict[str, JobKind] = {}


def job_kind_register(kind: JobKind) -> None:
    """Called from a room's `AppConfig.ready()`."""
    _kinds[kind.name] = kind


def job_kind_find(name: str) -> JobKind | None:
    return _kinds.get(name)


def job_kind_list() -> list[JobKind]:
    """All kinds, by title."""
    return sorted(_kinds.values(), key=lambda kind: kind.title)


PanelContext = Callable[["Actor", "Job"], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class JobPanel:
    """A card on the job page: `context(actor, job)` feeds `template`; None leaves the card out."""

    kind: str
    template: str
    context: PanelContext


_panels: list[JobPanel] = []


def job_panel_register(kind: str, template: str, context_fn: PanelContext) -> None:
    """A room above adds a card to the pages of jobs of one kind ("*": of every kind)."""
    _panels.append(JobPanel(kind, template, context_fn))


def job_panel_list(kind: str) -> list[JobPanel]:
    return [panel for panel in _panels if panel.kind in (kind, "*")]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker holds: the attempt it may run and the lease that every write of it must show."""

    job_id: uuid.UUID
    attempt_id: uuid.UUID
    number: int
    lease: uuid.UUID


QuotaGuard = Callable[["Actor", uuid.UUID], "str | None"]
_quota_guards: dict[str, QuotaGuard] = {}


def quota_guard_register(key: str, guard: QuotaGuard) -> None:
    """An upper room may refuse that somebody gives a team more: `guard(actor, team_id)` says why, or None.

    Reviews register here that the author of an open request does not help it along alone (invariant I10).
    """
    _quota_guards[key] = guard


def quota_refusals(actor: Actor, team_id: uuid.UUID) -> list[str]:
    """Every reason why an upper room refuses that this actor gives the team more."""
    found = (guard(actor, team_id) for guard in _quota_guards.values())
    return [sentence for sentence in found if sentence]
