"""Machine code that is made once, found by every process, and done without where it cannot be kept."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis import compiled
from analysis.evaluate import evaluate_table
from analysis.tests.factories import make_binary, make_spec

ROOT = Path(__file__).resolve().parents[2]
MODULE = """
from analysis.compiled import compiled


@compiled
def twice(number: int) -> int:
    return 2 * number
"""
ASK = "import doubling; print(doubling.twice(21), sum(doubling.twice.stats.cache_misses.values()))"


def answer(folder: Path) -> str:
    """What a process of its own finds, and how often it had to compile."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", ASK],
        env={"PYTHONPATH": f"{folder}:{ROOT}", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return done.stdout.strip()


def test_a_second_process_does_not_compile_also_through_a_link(tmp_path: Path) -> None:
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    (real / "doubling.py").write_text(MODULE)
    linked.symlink_to(real)

    assert answer(real) == "42 1"
    assert answer(linked) == "42 0"


def test_a_place_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "doubling.py").write_text(MODULE)
    (tmp_path / "__pycache__").write_text("not a folder")

    assert answer(tmp_path) == "42 1"


def test_an_evaluation_needs_nothing_that_was_not_warmed() -> None:
    compiled.warm()
    before = {one.__name__: len(one.signatures) for one in compiled.functions}

    rows = make_binary(400, 3)
    for weights in (None, np.ones(400)):
        evaluate_table(replace(rows, weights=weights), make_spec(triples=(("Age", "Colour", "Employed"),)))

    assert {one.__name__: len(one.signatures) for one in compiled.functions} == before
