"""A table of the demo's team, scored by the version that answers, from the deployment's page to the downloaded file."""

from __future__ import annotations

import csv

from playwright.sync_api import expect

from apps.home.demo.facts import DATASET
from tests.e2e.looking import THEMES, faults
from tests.flows.processes import wait_for


def test_a_table_is_scored_from_the_page_of_the_deployment(people, product, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    page, found = person.page, []

    def look(name: str) -> None:
        found.extend(faults(person, page.url.removeprefix(product.url), looks / name if looks else None, THEMES))

    person.open("/deployments/")
    page.locator("tbody a").first.click()
    person.follow("Score a table", within=page.get_by_role("main"))
    expect(page.get_by_role("heading", level=1, name="Score a table")).to_be_visible()
    look("score")
    page.get_by_label("Data", exact=True).select_option(label=f"{DATASET} 1")
    person.press("Score")
    expect(page.get_by_role("heading", level=1, name="Batch score 1")).to_be_visible()

    def told() -> bool:
        page.reload()
        return page.get_by_role("heading", level=2, name="rows scored").count() > 0

    wait_for(told, 90, "the scored table")
    look("batch")
    with page.expect_download() as saved:
        person.click(page.get_by_role("link", name="CSV"))
    header, *rows = csv.reader(saved.value.path().read_text().splitlines())
    assert "row" in header
    assert len(rows) == 5226
    assert not found, "\n".join(found)
