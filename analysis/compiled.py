"""Compiled passes: how a function becomes machine code once, when the environment is made, and for every process after.

The machine code lies in `__pycache__` beside the source, under a name without a path, so that a job's child, which
reads the code through links and may write nothing, finds what `make run` left there. Where it is not found it is
compiled in memory, and kept when the place can be written. It is made for the architecture, not for one processor,
so that an image built elsewhere need not compile again; the passes scatter and gain nothing from wider registers.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, InTreeCacheLocator

__all__ = ["compiled", "functions", "warm"]

Function = TypeVar("Function", bound=Callable[..., Any])

_config: Any = numba.config
_config.CPU_NAME, _config.CPU_FEATURES = "generic", ""

functions: list[Any] = []
"""Every compiled function, in the order of its definition."""


class _Beside(InTreeCacheLocator):
    """Beside the source, also where that cannot be written: what lies there can still be read."""

    def ensure_cache_path(self) -> None:
        """Make the place where that is possible; one that cannot be written is found out by writing."""
        with contextlib.suppress(OSError):
            os.makedirs(str(cast(Any, self).get_cache_path()), exist_ok=True)


class _Implementation(CompileResultCacheImpl):
    _locator_classes = [_Beside]


class _Cache(FunctionCache):
    _impl_class = _Implementation

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The stored machine code; None where it is missing or cannot be read."""
        with contextlib.suppress(OSError, EOFError):
            return cast(Any, super()).load_overload(sig, target_context)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the machine code where that is possible."""
        with contextlib.suppress(OSError):
            cast(Any, super()).save_overload(sig, data)


def compiled(function: Function) -> Function:
    """The function as machine code that runs beside other threads; divisions follow numpy's rules."""
    made: Any = numba.njit(nogil=True, error_model="numpy")(function)
    made._cache = cast(Any, _Cache)(function)
    functions.append(made)
    return cast(Function, made)


def warm() -> int:
    """Compile whatever has no stored machine code, by evaluating a few rows in every way; how many were compiled."""
    from analysis.segment_metrics.warming import passes_run

    passes_run()
    return sum(sum(one.stats.cache_misses.values()) for one in functions)


if __name__ == "__main__":
    # The functions register with the module of this name, not with the one that is run.
    from analysis.compiled import warm as _warm

    sys.stdout.write(f"{_warm()} passes compiled\n")
