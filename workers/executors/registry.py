"""Executors by name. A class is imported when it is first used, so that an optional one stays optional."""

import importlib
from collections.abc import Mapping
from typing import Any

from workers.executors.base import Executor, ExecutorError

EXECUTORS: dict[str, str] = {"local": "workers.executors.local.LocalExecutor"}


def executor_get(name: str, settings: Mapping[str, Any] | None = None) -> Executor:
    """The executor of that name, built with its settings. Raises ExecutorError for an unknown or uninstalled
    one.

    A setting "class" (a dotted path) replaces the registered class.
    """
    options = dict(settings or {})
    path = options.pop("class", None) or EXECUTORS.get(name)
    if path is None:
        known = ", ".join(sorted(EXECUTORS))
        raise ExecutorError(f'There is no executor "{name}"; the known ones are: {known}.')
    module, _, attribute = path.rpartition(".")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ExecutorError(f'The executor "{name}" is not installed: {error}.') from error
    executor: Executor = factory(**options)
    return executor
