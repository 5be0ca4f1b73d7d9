"""The whole product without a mouse, and the theme that stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

FOCUSED = "() => document.activeElement?.getAttribute('href') ?? document.activeElement?.className"


def test_keys_are_listed_and_lead_along_the_rail(people):
    person = people("owner")
    page = person.page
    person.open("/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    for text in ("focus the filter", "next row", "go to Problems"):
        expect(keys.get_by_text(text)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    for letter, name in {"p": "Problems", "d": "Data", "j": "Jobs", "m": "Models", "r": "Reviews", "h": "Home"}.items():
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        page.wait_for_load_state("load")  # the page's scripts have run by then


def test_a_table_is_searched_walked_and_opened(people):
    person = people("owner")
    page = person.page
    person.open("/jobs/")
    page.keyboard.press("/")
    field = page.get_by_role("main").get_by_role("searchbox").first
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.get_by_role("main").get_by_role("row").nth(2).get_by_role("link").first
    expect(second).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=re.compile(r"^Job \d+"))).to_be_visible()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Release on", "Problem"),
        ("Toronto", "Dataset"),
        ("Gradient boosting", "Run"),
        ("release-on", "Deployment"),
    ],
)
def test_the_palette_finds_what_the_demo_made(people, text, kind):
    person = people("owner")
    page = person.page
    person.open("/")
    link = page.get_by_role("link", name="Problems").first
    link.focus()
    before = page.evaluate(FOCUSED)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search or run a command")
    palette.get_by_role("combobox").fill(text)
    expect(palette.get_by_text(kind, exact=True).first).to_be_visible()
    expect(palette.get_by_role("option").filter(has_text=text).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    assert page.evaluate(FOCUSED) == before
    page.keyboard.press("Control+k")
    palette.get_by_role("combobox").fill(text)
    expect(palette.get_by_role("option").filter(has_text=text).first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Home")


def test_the_theme_stays(people):
    person = people("owner")
    page = person.page
    root = page.locator("html")
    person.open("/")
    expect(root).to_have_attribute("data-bs-theme", "light")
    person.click(page.get_by_label(re.compile("menu of")))
    person.press("Dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    person.open("/problems/")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    person.click(page.get_by_label(re.compile("menu of")))
    person.press("Light")
    person.open("/")
    expect(root).to_have_attribute("data-bs-theme", "light")
