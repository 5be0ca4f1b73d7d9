"""One person's browser: signed in through the form, watched for complaints of the page, counted in clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Response,
    TimeoutError,
    expect,
)

from tests.e2e.product import Product

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What of the things that come by themselves is still awaited: parts that load apart, charts in view, movements.
AWAITED = """() => [
    document.readyState === "complete" ? "" : "the page itself",
    ...document.getAnimations()
      .filter((a) => a.playState === "running" && a.effect.getTiming().iterations !== Infinity)
      .map((a) => `a movement of ${a.effect.target.className}`),
    ...[...document.querySelectorAll(".htmx-request, .htmx-swapping, .htmx-settling, [hx-trigger~='load']")]
      .map((e) => `a part: ${e.outerHTML.slice(0, 200)}`),
    ...[...document.querySelectorAll("plot-figure")].filter((f) => {
      const box = f.getBoundingClientRect();
      return box.bottom >= 0 && box.top <= innerHeight && f.offsetParent && !f.querySelector(".main-svg, p");
    }).map((f) => `a chart: ${f.outerHTML.slice(0, 200)}`)
  ].filter(Boolean)"""
SETTLED = f"() => ({AWAITED})().length === 0"


@dataclass
class Person:
    """Somebody at a browser. `complaints` are console errors, refused resources and failures of scripts."""

    name: str
    product: Product
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    clicks: int = 0

    def open(self, path: str) -> Response:
        """Go to an address below the product's and wait until the page is whole."""
        response = self.page.goto(path if path.startswith("http") else self.product.url + path)
        assert response is not None, path
        self.settle()
        return response

    def settle(self) -> None:
        """Wait until what loads by itself is there; AssertionError names what does not come."""
        try:
            self.page.wait_for_function(SETTLED, timeout=15_000)
        except TimeoutError as problem:
            raise AssertionError(f"{self.page.url} still awaits {self.page.evaluate(AWAITED)}") from problem

    def rest(self) -> None:
        """Leave the page, which would go on asking for news behind the next test's back."""
        self.page.goto("about:blank")

    def click(self, target: Locator) -> None:
        """One click, counted."""
        target.click()
        self.clicks += 1

    def press(self, label: str | re.Pattern[str], *, within: Locator | Page | None = None) -> None:
        """One click on the button of this name, counted."""
        self.click((within or self.page).get_by_role("button", name=label, exact=isinstance(label, str)))

    def follow(self, label: str | re.Pattern[str], *, within: Locator | Page | None = None) -> None:
        """One click on the first link of this name, counted."""
        self.click((within or self.page).get_by_role("link", name=label, exact=isinstance(label, str)).first)

    def allow(self, pattern: str) -> None:
        """Complaints that this test asks for."""
        self.allowed.append(pattern)

    def unexpected(self) -> list[str]:
        """Complaints that no test asked for, since the last time."""
        found = [text for text in self.complaints if not any(re.search(one, text) for one in self.allowed)]
        self.complaints.clear()
        self.allowed.clear()
        return found

    def sign_in(self) -> None:
        """By user name and password, as people do."""
        page = self.page
        page.goto(self.product.url)
        page.get_by_label("User name or e-mail address").fill(self.name)
        page.get_by_label("Password", exact=True).fill(self.product.passwords[self.name])
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()


def person_open(browser: Browser, product: Product, name: str, **options: Any) -> Person:
    """A browser of one's own for this person, not signed in yet."""
    settings = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "reduced_motion": "reduce"}
    context = browser.new_context(**{**settings, **options})
    context.set_default_timeout(15_000)
    person = Person(name, product, context, context.new_page())
    context.on("console", lambda message: _heard(person, message))
    context.on("weberror", lambda problem: person.complaints.append(f"script failed: {problem.error}"))
    return person


def _heard(person: Person, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        where = message.location.get("url", "")
        person.complaints.append(f"{message.type}: {message.text} ({where})")


def photograph(person: Person, folder: Path, name: str) -> None:
    """Keep what the person sees, for whoever looks at a failed run."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, page in enumerate(person.context.pages):
        try:
            page.screenshot(path=folder / f"{name}-{person.name}-{number}.png", full_page=True)
        except Error as problem:
            (folder / f"{name}-{person.name}-{number}.txt").write_text(str(problem))
