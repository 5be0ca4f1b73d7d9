"""Calls a function of people's own code. Run by path with the interpreter of the job's environment, which may have
nothing installed: standard library only, nothing of this project, Python 3.9 or later.

argv[1] is a JSON file: "target" ("file.py:function" or "package.module:function"), "how" ("function": called with
"values"; "program": called without, after "argv" became the command line) and "result", where the numbers that the
function returned are written.
"""

import importlib
import importlib.util
import inspect
import json
import math
import os
import sys
from pathlib import Path
from typing import Any


def function_of(target: str) -> Any:
    """The function. A file is loaded as the module of its name, so that pickles of its classes find them again."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        path = Path(where)
        sys.path.insert(0, str(path.parent.resolve()))
        module = importlib.import_module(path.stem)
    else:
        module = importlib.import_module(where)
    for part in name.split("."):
        module = getattr(module, part)
    return module


def fitted(function: Any, values: "dict[str, Any]") -> "dict[str, Any]":
    """The values as the function wants them: paths for what is annotated so."""
    found = {}
    known = inspect.signature(function).parameters
    for name, value in values.items():
        annotation = str(known[name].annotation) if name in known else ""
        found[name] = Path(value) if isinstance(value, str) and "Path" in annotation else value
    return found


def numbers_of(value: Any) -> "dict[str, float]":
    """{name: number} of what a function returned; empty for anything else than numbers."""
    if hasattr(value, "items"):
        found = {str(name): number_of(one) for name, one in value.items()}
    else:
        found = {"result": number_of(value)}
    return {name: number for name, number in found.items() if number is not None}


def number_of(value: Any) -> "float | None":
    """The finite number that a value is; None for what is none."""
    if isinstance(value, (bool, str, bytes)):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def main() -> None:
    """Calls what the file names."""
    told = json.loads(Path(sys.argv[1]).read_text())
    sys.path.insert(0, os.getcwd())
    function = function_of(told["target"])
    if told["how"] == "program":
        sys.argv = told["argv"]
        sys.exit(function())
    returned = function(**fitted(function, told["values"]))
    Path(told["result"]).write_text(json.dumps(numbers_of(returned)))


if __name__ == "__main__":
    main()
