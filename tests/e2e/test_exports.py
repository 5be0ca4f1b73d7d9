"""Exports of the demo's evaluation in the browser: asked for, followed, downloaded; the HTML report opened offline."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.looking import THEMES, faults
from tests.flows.stack import token_of

NAMES = {"HTML report": "html", "PDF": "pdf", "Parquet": "parquet", "Model card": "md"}
# What paper has no use for, and what would be cut off at its right side.
PRESSED = """() => [...document.querySelectorAll("nav, button, .btn, input, textarea, select, .fw-rail, .fw-top")]
  .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 120))"""
CUT = """() => [...document.querySelectorAll("main .fw-scroll")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.getAttribute("aria-label"))"""
BEGINS = {"html": b"<!doctype html>", "pdf": b"%PDF-", "parquet": b"PAR1", "md": b"---\n"}


@pytest.fixture(scope="module")
def evaluation(product) -> str:
    """The address of the demo's newest evaluation."""
    token = token_of(product.stack, "scientist")
    client = httpx.Client(base_url=product.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return f"/evaluations/{client.get('/api/v1/evaluations').json()['results'][0]['id']}/"


def _download(page: Page, label: str, folder: Path) -> Path:
    """Wait until the file of this format is there and take it."""
    link = page.get_by_role("link", name=f"Download {label}").first
    expect(link).to_be_visible(timeout=90_000)
    with page.expect_download() as taken:
        link.click()
    path = folder / taken.value.suggested_filename
    taken.value.save_as(path)
    return path


def test_a_product_owner_takes_an_evaluation_along_in_every_format(people, evaluation, tmp_path, request):
    person = people("owner")
    page = person.page

    files = {}
    for label, suffix in NAMES.items():
        person.open(evaluation)
        page.locator("summary", has_text="Export").click()
        page.get_by_role("button", name=label, exact=True).click()
        files[suffix] = _download(page, label, tmp_path)

    for suffix, path in files.items():
        assert path.read_bytes().startswith(BEGINS[suffix]), path
    person.settle()
    expect(page.get_by_role("heading", name="Model card, metrics part")).to_be_visible()
    looks = request.config.getoption("--looks", default=None)
    found = faults(person, f"{evaluation}exports/", looks / "exports" if looks else None, THEMES)
    assert not found, "\n".join(found)
    _opens_offline(people, files["html"])


def _opens_offline(people, path: Path) -> None:
    """The report draws its charts in both themes without a network, and fits a phone."""
    context = people("owner").context.browser.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for theme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.goto(path.as_uri())
        expect(page.locator("figure .main-svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert complaints == []
    assert len(re.findall("data-chart", path.read_text().split("<script>")[0])) >= 4


def test_a_viewer_downloads_but_makes_nothing(people, evaluation):
    person = people("viewer")

    person.open(f"{evaluation}exports/")

    expect(person.page.get_by_role("link", name="Download PDF")).to_be_visible()
    assert person.page.get_by_role("button", name="PDF", exact=True).count() == 0


def test_paper_has_every_chart_and_number_and_nothing_to_press(people, evaluation):
    person = people("owner")
    page = person.page
    person.open(evaluation)
    decision = page.get_by_role("link", name=re.compile("^Approval")).first.get_attribute("href")

    for path in (evaluation, decision or ""):
        person.open(path)
        page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(page.locator("plot-figure:not(:has(.main-svg))")).to_have_count(0)
        shown = page.evaluate(PRESSED)
        wide = page.evaluate(CUT)
        theme = page.evaluate("document.documentElement.dataset.bsTheme")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert shown == []
        assert wide == []
        assert theme == "light"
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
