"""A newcomer in the owner's seat: from the sign-in to the harmed group and the refusal, by what the pages say alone.

On a product of its own, because the decision ends the demo's request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import Person, person_open
from tests.e2e.product import told
from tests.flows.stack import stack_open

pytestmark = pytest.mark.slow
MOST_CLICKS = 12
HARMED = "35 and over"


@pytest.fixture
def owner(browser: Browser) -> Iterator[Person]:
    with stack_open("fairway-refuses-") as stack:
        person = person_open(browser, told(stack, lambda _: None), "owner")
        person.sign_in()
        yield person
        assert not person.unexpected()


def test_the_harmed_group_is_found_and_the_release_refused_in_twelve_clicks(owner):
    page = owner.page

    owner.follow(re.compile("version 3"), within=page.get_by_role("region", name="Waits for you"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Request")
    expect(page.get_by_role("heading", level=2).filter(has_text=HARMED).first).to_be_visible()
    owner.follow(HARMED, within=page.get_by_role("main"))
    expect(page.get_by_role("heading", level=1, name=HARMED)).to_be_visible()
    expect(page.get_by_text("would wrongly hold")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^Wrongly held")).first).to_contain_text("worse")
    owner.follow(re.compile("^Reviews"))
    owner.follow(re.compile("version 3"), within=page.get_by_role("main"))
    page.get_by_role("textbox", name="Reason").fill("People of 35 and over are wrongly held far more often.")
    owner.press("Refuse")

    expect(page.get_by_text("refused", exact=True).first).to_be_visible()
    assert owner.clicks <= MOST_CLICKS
    owner.follow(re.compile("^Deployments"))
    expect(page.get_by_role("cell", name="v2", exact=True)).to_be_visible()
