"""docs/user/mlflow-compatibility.md, made from the marks of these tests: `python -m tests.compat.table` writes it.

`@pytest.mark.feature(area, what)` on a test says what of MLflow it drives.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "user" / "mlflow-compatibility.md"
AREAS = ("runs", "artifacts", "search", "models", "registry", "autologging", "libraries", "evaluation", "import")
# What a client can ask and no test here does: it may work, and nobody has looked.
UNTESTED = (
    "flavors other than those named above, and autologging of other libraries",
    "Windows paths in clients; clients in R and Java",
    "`mlflow.projects`, `mlflow.recipes`, `mlflow models serve` and `mlflow deployments` against Fairway",
    "Spark and Databricks",
    "system metrics (`log_system_metrics=True`)",
)
LEFT_OUT = (
    "the GenAI gateway, MCP servers, the assistant, prompt engineering, scorers, issues, label schemas, review queues "
    "and prompt optimization: MLflow's `NOT_IMPLEMENTED`",
)


@dataclass(frozen=True)
class Row:
    """One tested feature."""

    area: str
    what: str
    client: str
    where: str


def rows() -> list[Row]:
    """Every mark, by area and then as the tests stand."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.compat.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_"):
                found += [_row(module, path.name, name, mark) for mark in _marks(test) if mark.name == "feature"]
    return sorted(found, key=lambda row: AREAS.index(row.area))


def _marks(test: Any) -> list[Any]:
    return list(getattr(test, "pytestmark", []))


def _row(module: Any, file: str, name: str, mark: Any) -> Row:
    area, what = mark.args
    environments = mark.kwargs.get("environments") or (getattr(module, "ENVIRONMENT", "own"),)
    return Row(area, what, ", ".join(_version(environment) for environment in environments), f"{file}::{name}")


def _version(environment: str) -> str:
    """The version of a client as its lock has it."""
    file, package = ("test", "mlflow-skinny") if environment == "own" else (f"clients/{environment}", "mlflow")
    text = (HERE.parents[1] / "requirements" / f"{file}.txt").read_text()
    found = re.search(rf"^{package}==([\w.]+)", text, re.M)
    assert found, f"{package} is not in requirements/{file}.txt"
    return found[1]


def page() -> str:
    """The text of the page."""
    lines = [
        "# What of MLflow is tested",
        "",
        "Made from the tests by `python -m tests.compat.table`; each line is a program that runs the unmodified client "
        "against a live Fairway. Lines with a version of the whole client run with `make test-full`.",
        "",
        "| area | works | client | test |",
        "|---|---|---|---|",
        *(f"| {row.area} | {row.what} | {row.client} | `{row.where}` |" for row in rows()),
        "",
        "## Untested",
        "",
        *(f"- {text}" for text in UNTESTED),
        "",
        "## Left out",
        "",
        *(f"- {text}" for text in LEFT_OUT),
        "",
        "What is spoken call by call, and what differs on purpose: [Logging with MLflow's client](mlflow.md).",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
