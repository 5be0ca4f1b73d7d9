"""docs/user/mlflow-compatibility.md, made from the marks of these tests: `python -m tests.compat.table` writes it.

`@pytest.mark.feature(area, what)` on a test says what of MLflow's client it drives, in the tests of the room as here.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tests.compat.stated import STATED

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "tests" / "compat", ROOT / "apps" / "mlflow_api" / "tests")
PAGE = ROOT / "docs" / "user" / "mlflow-compatibility.md"
AREAS = (
    "calls",
    "runs",
    "artifacts",
    "search",
    "models",
    "registry",
    "autologging",
    "libraries",
    "evaluation",
    "tracing",
    "workspaces",
    "import",
)
# What a client can ask and no test here does: it may work, and nobody has looked.
UNTESTED = (
    "flavors other than those named above, and autologging of other libraries",
    "Windows paths in clients; clients in R and Java",
    "`mlflow.projects`, `mlflow.recipes`, `mlflow models serve` and `mlflow deployments` against Fairway",
    "Spark and Databricks",
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
    found = [row for folder in FOLDERS for path in sorted(folder.glob("test_*.py")) for row in _rows(path)]
    return sorted(found, key=lambda row: AREAS.index(row.area))


def _rows(path: Path) -> list[Row]:
    """The marks of one file, read without running it."""
    body = ast.parse(path.read_text()).body
    named = {
        target.id: ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    client = _version(named.get("ENVIRONMENT", "own"))
    where = path.relative_to(ROOT)
    return [
        Row(*(ast.literal_eval(argument) for argument in mark.args), client, f"{where}::{node.name}")
        for node in body
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.feature"
    ]


def _version(environment: str) -> str:
    """The version of a client as its lock has it."""
    file, package = ("test", "mlflow-skinny") if environment == "own" else (f"clients/{environment}", "mlflow")
    text = (ROOT / "requirements" / f"{file}.txt").read_text()
    found = re.search(rf"^{package}==([\w.]+)", text, re.M)
    assert found, f"{package} is not in requirements/{file}.txt"
    return found[1]


def page() -> str:
    """The text of the page."""
    lines = [
        "# What of MLflow is tested",
        "",
        "Made from the tests by `python -m tests.compat.table`: each line is a test that runs the unmodified client, "
        "in the version named, against a live Fairway. "
        "Those with libraries and with MLflow 2 run with `make test-full`.",
        "",
        "| area | works | client | test |",
        "|---|---|---|---|",
        *(f"| {row.area} | {row.what} | {row.client} | `{row.where}` |" for row in rows()),
        "",
        "## Answers that differ on purpose",
        "",
        "Of the recorded calls, these are answered unlike MLflow:",
        "",
        *(f"- `{path}`: {what}" for path, what in dict.fromkeys((one.path, one.what) for one in STATED)),
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
