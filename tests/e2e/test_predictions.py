"""Predictions made elsewhere: brought by the script of the user's guide, then judged again in the browser."""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from controlplane.stack.config import ROOT
from tests.e2e.looking import faults
from tests.flows.stack import Api, token_of

GUIDE = ROOT / "docs" / "user" / "predictions.md"
ROWS = 2_000
CLICKS = 2


@pytest.fixture(scope="module")
def scientist(product) -> Api:
    return Api(product.url, token_of(product.stack, "scientist", "read", "write"))


def table_write(scientist: Api, path: Path) -> str:
    """The first rows of the demo's data with a made-up score; the name of their problem."""
    version = next(row for row in scientist.get("problems")["results"] if row["state"] == "ACTIVE")
    dataset = scientist.get("datasets", problem=version["id"])["results"][-1]["id"]
    data = scientist.get(f"datasets/{dataset}/versions")["results"][0]["id"]
    header, *rows = csv.reader(io.StringIO(scientist.call("GET", f"dataset-versions/{data}/file").text))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*header, "score"])
        writer.writerows([*row, (place * 37 % 101) / 100] for place, row in enumerate(rows[:ROWS]))
    return str(version["name"])


@pytest.mark.slow
def test_the_script_of_the_guide_brings_answers_that_are_judged_again_in_two_clicks(people, scientist, tmp_path):
    table, script = tmp_path / f"answers-{secrets.token_hex(2)}.csv", tmp_path / "judge.py"
    problem = table_write(scientist, table)
    script.write_text(re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)[0])
    person = people("scientist")
    environment = {**os.environ, "FAIRWAY_URL": person.product.url, "FAIRWAY_TOKEN": scientist.token}

    done = subprocess.run(
        [sys.executable, "-I", script, problem, table, "score"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, address = done.stdout.splitlines()
    assert told.startswith("COMPLETE "), told
    first = scientist.get(f"evaluations/{address.rstrip('/').rpartition('/')[2]}")
    assert (first["row_count"], first["baseline_version_id"]) == (ROWS, None)

    page = person.page
    person.open(f"/data/versions/{first['dataset_version_id']}/")
    person.clicks = 0
    person.follow("Judge predictions in this table")
    found = faults(person, page.url.removeprefix(person.product.url))
    expect(page.get_by_label("Name of the outside model")).to_have_value("Made elsewhere")
    expect(page.get_by_label("Column with the scores", exact=True)).to_have_value("score")
    person.press("Judge predictions")
    assert person.clicks == CLICKS
    expect(page.get_by_role("heading", level=1)).to_contain_text("Evaluation")
    again = scientist.get(f"evaluations/{page.url.rstrip('/').rpartition('/')[2]}")
    assert again["model_version_id"] == first["model_version_id"], "the same answers are the same version"
    assert again["baseline_version_id"], "the live version reads nothing that the table lacks"
    scientist.ended(again["job_id"])

    person.open(page.url)
    found += faults(person, page.url.removeprefix(person.product.url))
    person.open(f"/models/versions/{first['model_version_id']}/")
    expect(page.get_by_text("holds no model").first).to_be_visible()
    expect(page.get_by_role("link", name="Request approval")).to_have_count(0)
    found += faults(person, page.url.removeprefix(person.product.url))
    assert not found, "\n".join(found)
