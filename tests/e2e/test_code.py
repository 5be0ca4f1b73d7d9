"""Code brought in the browser, launched on data in three clicks, its job and run, and a template of it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.processes import wait_for

NAME = f"count-{secrets.token_hex(2)}"
SOURCE = f'''
from pathlib import Path


def train(data: Path, rate: float = 0.5, careful: bool = False) -> dict:
    """Count the rows, {NAME}."""
    rows = len(data.read_text().splitlines()) - 1
    Path("outputs/rows.txt").write_text(str(rows))
    return {{"rows": rows, "part": rows * rate}}
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a script, and what tools left in it."""
    folder = tmp_path / NAME
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "train.pyc").write_bytes(b"\x00")
    (folder / "train.py").write_text(SOURCE)
    return folder


def test_a_folder_is_brought_launched_on_data_and_kept_as_a_template(people, product, project: Path, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    page, found = person.page, []

    def look(name: str) -> None:
        here = page.url.removeprefix(product.url)
        found.extend(faults(person, here, looks / name if looks else None, THEMES))

    person.open("/code/new/")
    page.locator("folder-zip input").set_input_files(project)
    expect(page.get_by_text(f"{NAME}.zip holds 1 files")).to_be_visible()
    person.press("Store")
    expect(page.get_by_role("heading", level=1, name=NAME)).to_be_visible()
    expect(page.get_by_role("cell", name="dataset version")).to_be_visible()
    look("code")

    person.open("/data/")
    page.locator("tbody a").first.click()
    page.get_by_role("link", name="Version 1").first.click()
    page.get_by_role("link", name="Launch code on it").click()
    expect(page.get_by_label("Code", exact=True)).to_contain_text(NAME)
    page.get_by_label("rate", exact=True).fill("fast")
    person.allow("422")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("Give a number.")).to_be_visible()
    page.get_by_label("rate", exact=True).fill("0.25")
    page.get_by_text("Save what the form says").click()
    page.get_by_label("Name of the template").fill(NAME)
    person.press("Save template")
    page.get_by_role("link", name=NAME, exact=True).click()
    expect(page.get_by_text("0.25")).to_be_visible()
    look("template")
    person.follow("Launch")
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("heading", level=1, name="run train.py:train")).to_be_visible()

    def told() -> bool:
        page.reload()
        return page.get_by_text("It succeeded.").count() > 0

    wait_for(told, 60, "the end of the job")
    page.get_by_role("link", name="Open", exact=True).click()
    expect(page.get_by_role("link", name="rows.txt").first).to_be_visible()
    assert not found, "\n".join(found)
