"""Executors by name. A class is imported when it is first used, so that an optional one stays optional.

A further executor is one file: a class with `about` and the methods of `base.Executor`, and its line below; forms,
pages and tests read the rest from it.
"""

import importlib
from collections.abc import Mapping
from typing import Any

from workers.executors.about import About
from workers.executors.base import Executor, ExecutorError

EXECUTORS: dict[str, str] = {
    "local": "workers.executors.local.LocalExecutor",
    "ray": "workers.executors.ray.RayExecutor",
}


def executor_get(name: str, settings: Mapping[str, Any] | None = None) -> Executor:
    """The executor of that name, built with its settings. Raises ExecutorError for an unknown or uninstalled
    one.

    A setting "class" (a dotted path) replaces the registered class.
    """
    options = dict(settings or {})
    factory = _factory(name, options.pop("class", None))
    executor: Executor = factory(**options)
    return executor


def about_of(name: str, path: str | None = None) -> About:
    """What the executor of that name says of itself. Raises ExecutorError for an unknown or uninstalled one."""
    about: About = _factory(name, path).about
    return about


def _factory(name: str, path: str | None) -> Any:
    path = path or EXECUTORS.get(name)
    if path is None:
        known = ", ".join(sorted(EXECUTORS))
        raise ExecutorError(f'There is no executor "{name}"; the known ones are: {known}.')
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ExecutorError(f'The executor "{name}" is not installed: {error}.') from error
