"""What must hold for every page: its outline, its colours, its width, and where its links lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from django.urls import Resolver404, resolve

from controlplane.stack.config import ROOT
from tests.e2e.browsing import Person

WIDTHS = (1920, 768, 390, 1280)
# Where most pages change their form; `make test` looks at these, `make test-full` at all.
NARROWEST_AND_USUAL = (390, 1280)
THEMES = ("light", "dark")
# Enough of one address: the rest of a list looks the same.
EXAMPLES = 3
OUTLINE = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((h) => h.offsetParent !== null || h.classList.contains("fw-sr"))
  .map((h) => [Number(h.tagName[1]), h.innerText.trim()])"""
# A chart is one image to whoever does not see it, with its table beside it; only colours differ between the themes.
AXE = """async (rules) => (await axe.run({exclude: [["plot-figure"]]}, {
    resultTypes: ["violations"], ...(rules ? {runOnly: {type: "rule", values: rules}} : {})})).violations.flatMap(
  (v) => v.nodes.slice(0, 3).map(
    (n) => `${v.id} at ${n.target.join(" ")}: ${[...n.any, ...n.all, ...n.none].map((c) => c.message).join("; ")}`))"""
COLOURS = ["color-contrast", "link-in-text-block"]
THEME = """(theme) => { document.documentElement.dataset.bsTheme = theme;
  document.dispatchEvent(new CustomEvent("fw:theme")); }"""
WIDE = """(width) => document.documentElement.scrollWidth <= width ? "" :
  [...document.querySelectorAll("main *, header *")]
  .filter((e) => e.getBoundingClientRect().right > width + 1).slice(0, 3)
  .map((e) => `${e.tagName}.${e.className}`).join(", ") || "something"
"""


@cache
def axe_source() -> str:
    """axe-core as the front end's locked packages hold it."""
    return (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text()


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "a" and href:
            self.found.append(href)


def route_name(path: str) -> str:
    """The name of the address's route; empty when no route is meant by it."""
    try:
        return resolve(urlsplit(path).path).url_name or ""
    except Resolver404:
        return ""


@dataclass
class Walk:
    """Every link that a person can follow: the first page of each route, and what does not answer."""

    pages: dict[str, str]
    dead: list[str]
    links: int


def walk(person: Person, starts: list[str]) -> Walk:
    """Follow the links from `starts`, at most `EXAMPLES` of each route; a page is what answers with HTML."""
    todo, seen, count = list(starts), set(starts), dict[str, int]()
    found = Walk({}, [], 0)
    while todo:
        path = todo.pop(0)
        name = route_name(path)
        count[name] = count.get(name, 0) + 1
        if count[name] > EXAMPLES:
            continue
        answer = person.context.request.get(person.product.url + path, max_redirects=0)
        found.links += 1
        location = answer.headers.get("location")
        if answer.status >= 400 or not name:
            found.dead.append(f"{answer.status} {path}")
            continue
        more = [location] if location else []
        if not location and answer.headers.get("content-type", "").startswith("text/html"):
            found.pages.setdefault(name, path)
            parser = _Links()
            parser.feed(answer.text())
            more = parser.found
        for link in more:
            parts = urlsplit(urljoin(person.product.url + path, link))
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            if f"{parts.scheme}://{parts.netloc}" == person.product.url and target not in seen:
                seen.add(target)
                todo.append(target)
    return found


def faults(
    person: Person,
    path: str,
    looks: Path | None = None,
    themes: Sequence[str] = THEMES,
    widths: Sequence[int] = WIDTHS,
) -> list[str]:
    """What is wrong with a page: title, outline, axe by theme, sideways scrolling, complaints of the browser."""
    person.page.set_viewport_size({"width": 1280, "height": 900})
    person.open(path)
    found = []
    title = person.page.title()
    if not title.endswith("· Fairway") or title.startswith("·"):
        found.append(f"title {title!r}")
    outline = person.page.evaluate(OUTLINE)
    levels = [level for level, _ in outline]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} first headings")
    found += [
        f"heading {text!r} skips a level"
        for before, (level, text) in zip(levels, outline[1:], strict=False)
        if level > before + 1
    ]
    person.page.evaluate(axe_source())
    for theme in themes:
        if theme != "light":
            person.page.evaluate(THEME, theme)
            person.settle()
        found += [f"{theme}: {text}" for text in person.page.evaluate(AXE, COLOURS if theme == "dark" else None)]
    if looks is not None:
        _photographs(person, looks, route_name(path) or "page")
    if themes[-1] != "light":
        person.page.evaluate(THEME, "light")
    for width in widths:
        person.page.set_viewport_size({"width": width, "height": 900})
        if wide := person.page.evaluate(WIDE, width):
            found.append(f"wider than {width}: {wide}")
    found += person.unexpected()
    return [f"{path} {fault}" for fault in found]


def _photographs(person: Person, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for width in (1280, 390):
        person.page.set_viewport_size({"width": width, "height": 900})
        person.settle()
        for theme in THEMES:
            person.page.evaluate(THEME, theme)
            person.settle()
            person.page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
    person.page.set_viewport_size({"width": 1280, "height": 900})
