"""Fairway on a real Ray: an evaluation in parts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from analysis.contracts.report import Report
from analysis.evaluate import evaluate_table
from analysis.tests.files import SPEC, rows_of, table_of, write
from controlplane.stack.config import ROOT
from tests.environments import environment_python


@pytest.mark.slow
def test_ray_tasks_give_the_report_of_the_whole(tmp_path: Path) -> None:
    """On a real Ray of two workers, in the locked environment of a node."""
    whole, _ = evaluate_table(rows_of(), SPEC)
    paths = write(tmp_path, table_of(rows_of()), 10)

    done = subprocess.run(
        [environment_python("ray"), "-m", "analysis.tests.on_ray", *map(str, paths)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    exact, counted = Report.from_json(said["exact"]), Report.from_json(said["counted"])
    assert exact == whole
    assert counted.overall.metrics["accuracy"] == exact.overall.metrics["accuracy"]
    assert "no column nowhere" in said["refused"]
