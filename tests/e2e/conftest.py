"""A live product with the demo, a real Chromium, and one signed-in browser per person for the whole run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from controlplane.stack.chromium import chromium_need
from tests.e2e.browsing import ARGUMENTS, Person, person_open, photograph
from tests.e2e.product import Product

RESULTS = Path(__file__).resolve().parents[2] / "test-results"
People = Callable[[str], Person]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser tests")
    group.addoption("--picture", action="store_true", help="write the README's picture again")
    group.addoption("--at", type=Path, help="home of a running product to test instead of one of this run's own")
    group.addoption("--looks", type=Path, help="folder for a picture of every page, in four forms")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failed test keeps what each person saw."""
    report = yield
    if report.failed and call.when in ("setup", "call"):
        name = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2])
        for person in item.session.stash.get(_PEOPLE, {}).values():
            if person.context.pages:
                photograph(person, RESULTS, name)
    return report


_PEOPLE = pytest.StashKey[dict[str, Person]]()


@pytest.fixture(scope="package")
def playwright_driver() -> Iterator[Playwright]:
    """Ends with the browser tests: while it runs, no other test of its process can run an event loop."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    """A real Chromium."""
    expect.set_options(timeout=10_000)
    browser = playwright_driver.chromium.launch(executable_path=chromium_need(), args=list(ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def everybody(request: pytest.FixtureRequest) -> dict[str, Person]:
    """Who has signed in so far."""
    return request.session.stash.setdefault(_PEOPLE, {})


@pytest.fixture
def people(product: Product, browser: Browser, everybody: dict[str, Person]) -> Iterator[People]:
    """`people("owner")` is the owner at a browser, signed in. Afterwards nobody's page may have complained."""

    def person(name: str) -> Person:
        if name not in everybody:
            everybody[name] = person_open(browser, product, name)
            everybody[name].sign_in()
        found = everybody[name]
        found.clicks = 0
        return found

    for known in everybody.values():
        known.unexpected()
    yield person
    complaints = {name: found for name, known in everybody.items() if (found := known.unexpected())}
    for known in everybody.values():
        known.rest()
    assert not complaints, complaints
