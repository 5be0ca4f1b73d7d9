"""From a target to the executor that speaks with it."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.compute.models import ComputeTarget
from apps.core.encryption import text_decrypt, text_encrypt
from workers.executors.about import About
from workers.executors.base import Executor, ExecutorError
from workers.executors.registry import EXECUTORS, about_of, executor_get

_PURPOSE = "compute target"
_lock = threading.Lock()
_made: dict[uuid.UUID, tuple[tuple[Any, ...], Executor]] = {}


def kinds() -> dict[str, About]:
    """Every kind of target that can be made here, by its name."""
    return {name: kind_about(name) for name in sorted({*EXECUTORS, *settings.JOB_EXECUTORS})}


def kind_about(kind: str) -> About:
    """What an executor says of itself. Raises ExecutorError for an unknown one."""
    options: dict[str, Any] = settings.JOB_EXECUTORS.get(kind, {})
    return about_of(kind, options.get("class"))


def secret_close(secret: str) -> str:
    """The secret as it is stored; empty stays empty."""
    return text_encrypt(_PURPOSE, secret) if secret else ""


def executor_of(target: ComputeTarget) -> Executor:
    """This process's executor of a target, one for all threads while the target stays as it is.

    Raises ExecutorError for a kind that is not installed, and when the stored secret cannot be opened.
    """
    state = (
        target.kind,
        target.address,
        target.secret,
        repr(settings.JOB_EXECUTORS.get(target.kind)),
        settings.FAIRWAY_HOME,
    )
    with _lock:
        held = _made.get(target.pk)
        if held is not None and held[0] == state:
            return held[1]
        executor = executor_get(target.kind, _options(target))
        _made[target.pk] = (state, executor)
        return executor


def _options(target: ComputeTarget) -> dict[str, Any]:
    options: dict[str, Any] = dict(settings.JOB_EXECUTORS.get(target.kind, {}))
    about = kind_about(target.kind)
    if about.on_this_machine:
        options.setdefault("home", str(Path(settings.FAIRWAY_HOME) / "jobs"))
    if about.needs_address:
        options["address"] = target.address
    if about.takes_secret:
        try:
            options["secret"] = text_decrypt(_PURPOSE, target.secret) if target.secret else ""
        except ValueError as error:
            raise ExecutorError(
                "Its secret was stored under another SECRET_KEY: enter it again.", step="authenticate"
            ) from error
    return options


def reach_of(target: ComputeTarget) -> str:
    """The address at which jobs on the target find Fairway."""
    return target.reach_url or str(settings.INTERNAL_URL)
