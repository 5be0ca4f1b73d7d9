"""A notebook as it is stored: whether its cells, run from the top, give what they show. Nothing is run."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from apps.code.reading.functions import annotation_read, default_read
from apps.code.reading.trees import Unreadable, literal, tree_of
from apps.core.errors import Invalid
from workers.contracts.parameters import EMPTY, ParameterError, property_check, schema_make

MAX_CELLS = 2_000
_LOCAL = re.compile(r"^(/(home|Users|root|mnt|media|content|tmp|data|opt|var)/|~/|[A-Za-z]:[\\/]|\\\\)")
_FIRST = re.compile(r"^\s*(%%?|!|\?)|\?\s*$")


@dataclass(frozen=True, slots=True)
class Finding:
    """What keeps a notebook from running as a job: the cell's number (from 1, code and text alike) and a sentence."""

    cell: int
    kind: str
    text: str


@dataclass(slots=True)
class Notebook:
    """Findings, the names of the modules that it imports (by the first cell that does), and its parameters."""

    findings: list[Finding] = field(default_factory=list)
    imports: dict[str, int] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=lambda: EMPTY)
    title: str = ""
    cells: int = 0

    @property
    def sentences(self) -> list[str]:
        """The findings as sentences."""
        return [f"Cell {one.cell}: {one.text}" if one.cell else one.text for one in self.findings]


def notebook_read(data: bytes) -> Notebook:
    """Look through a notebook. Raises Invalid for what is none of format 4."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid.field("file", f"This is no notebook: {error}.") from error
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list) or found.get("nbformat") != 4:
        raise Invalid.field("file", "This is no notebook of format 4. Open it in Jupyter and save it again.")
    if len(cells) > MAX_CELLS:
        raise Invalid.field("file", f"The notebook has {len(cells)} cells; at most {MAX_CELLS} are taken.")
    language = ((found.get("metadata") or {}).get("language_info") or {}).get("name", "python")
    if language != "python":
        raise Invalid.field("file", f"The notebook is written in {str(language)[:40]}; only Python runs here.")
    read = Notebook(cells=len(cells))
    ran = 0
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict):
            raise Invalid.field("file", f"Cell {number} of the notebook is none.")
        if cell.get("cell_type") == "markdown" and not read.title:
            read.title = _text(cell).lstrip("# ").strip().partition("\n")[0][:200]
        if cell.get("cell_type") == "code" and _text(cell).strip():
            ran = _code(read, number, cell, ran)
    return read


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _code(read: Notebook, number: int, cell: dict[str, Any], ran: int) -> int:
    """Judge one code cell; returns the highest execution count so far."""
    count = cell.get("execution_count")
    if not isinstance(count, int):
        read.findings.append(
            Finding(number, "never", "was never run, so what follows was made without it. Run all cells.")
        )
    elif count <= ran:
        read.findings.append(
            Finding(
                number, "order", f"was run as number {count}, after a later cell. Restart the kernel and run all cells."
            )
        )
    ran = max(ran, count if isinstance(count, int) else 0)
    text = _text(cell)
    magic = [line for line in text.splitlines() if _FIRST.search(line) and not line.lstrip().startswith("#")]
    if magic:
        shown = f"“{magic[0].strip()[:60]}”"
        read.findings.append(
            Finding(number, "magic", f"has a magic or a shell escape, {shown}, which a job does not run.")
        )
        if magic[0].lstrip().startswith("%%"):
            return ran  # the rest of the cell is in another language
        text = "\n".join("" if line in magic else line for line in text.splitlines())
    try:
        tree = tree_of(text.encode(errors="replace"), f"cell {number}")
    except Unreadable as error:
        read.findings.append(Finding(number, "syntax", f"is no Python: {error}"))
        return ran
    for name in imports_of(tree):
        read.imports.setdefault(name, number)
    for path in dict.fromkeys(_paths(tree)):
        read.findings.append(
            Finding(
                number, "path", f"names a path of one machine, “{path[:80]}”. Take it from a parameter or an input."
            )
        )
    tags = (cell.get("metadata") or {}).get("tags") or []
    if "parameters" in tags:
        read.schema = _parameters(tree)
    return ran


def imports_of(tree: ast.Module) -> Iterator[str]:
    """The first part of each imported module's name, without those of Python itself."""
    for node in ast.walk(tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            first = name.partition(".")[0]
            if first not in sys.stdlib_module_names:
                yield first


def _paths(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _LOCAL.match(node.value):
            yield node.value


def _parameters(tree: ast.Module) -> dict[str, Any]:
    """What the cell tagged “parameters” sets to plain values, as papermill has it."""
    found: dict[str, Any] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        value = literal(getattr(node, "value", None))
        kind = default_read(value)
        if isinstance(target, ast.Name) and isinstance(node, ast.AnnAssign) and value is None:
            kind = annotation_read(node.annotation, target.id, bare=True)  # `data: Path` is an input
        if isinstance(target, ast.Name) and kind:
            kept = {key: one for key, one in kind.items() if key != "optional"}
            with contextlib.suppress(ParameterError):
                found[target.id] = property_check(target.id, kept if value is None else {**kept, "default": value})
    return schema_make(found)


# Modules that are called otherwise than the package that brings them.
_PACKAGES = {
    "sklearn": "scikit-learn", "skimage": "scikit-image", "cv2": "opencv-python", "PIL": "pillow", "yaml": "pyyaml",
    "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "mlflow": "mlflow-skinny", "IPython": "ipython",
    "xgboost": "xgboost-cpu", "sklego": "scikit-lego", "dotenv": "python-dotenv",
}  # fmt: skip
NEEDED = ("nbclient", "ipykernel")
"""What runs a notebook; the environment's lock must have them."""


def unpinned(imports: Iterable[tuple[str, int]], packages: Collection[str], paths: Collection[str]) -> list[str]:
    """Sentences on imports that neither the lock's packages nor the bundle's own files bring."""
    known = {re.sub(r"[-_.]+", "-", one).lower() for one in packages}
    brings = metadata.packages_distributions()
    own = {path.partition("/")[0].removesuffix(".py") for path in paths}
    own |= {path.split("/")[1].removesuffix(".py") for path in paths if path.startswith("src/")}
    found = []
    for name, cell in imports:
        asked = {name, _PACKAGES.get(name, name), *brings.get(name, ())}
        if name not in own and not {re.sub(r"[-_.]+", "-", one).lower() for one in asked} & known:
            found.append(f"Cell {cell}: imports {name}, which the lock does not pin.")
    return found
