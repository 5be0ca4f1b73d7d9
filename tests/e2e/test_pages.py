"""Every page, for every role that may see it, with the demo's data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import expect

from tests.e2e.browsing import Person
from tests.e2e.looking import NARROWEST_AND_USUAL, THEMES, WIDTHS, Walk, faults, walk

ROLES = ("scientist", "owner", "admin", "auditor", "viewer")
STARTS = ["/", "/search?q=arrests"]
# Who does something on the pages that differ by role; all other pages are looked at once, for the first who sees them.
ACTING = ("scientist", "owner", "admin")
BY_ROLE = {"home", "problem-detail", "review-detail", "review-list", "version-detail", "deployment-detail"}
# Addresses that are no page of their own: what a form is sent to, a part that a page loads, a download.
ACTS = re.compile(
    r"-(act|apply|archive|alias|attach|build|cancel|check|decide|delete|drain|end|end-others|kill|link|make|mask|message"
    r"|pause|prioritise|quarantine|read|read-all|remove|renew|reproduce|restore|save|resend|resume|retire|retry|revoke"
    r"|roles|rollback|session-end|split|start|switch|tag|take"
    r"|test|token-revoke|upload|verify|withdraw|change)$"
)
PARTS = {"home-tasks", "home-live", "home-summary", "job-now", "run-curves", "version-lineage", "deployment-traffic"}
PARTS |= {"deployment-try", "notice-open", "grant-create", "usersessions_list", "problem-objectives", "problem-strip"}
PARTS |= {"compute-now", "health-now", "job-forecast", "schedule-times"}
PARTS |= {"store-now", "store-use", "store-move-now"}
PARTS |= {"run-difference", "experiment-filter-words", "experiment-trade-off"}
PARTS |= {"experiment-traces-words", "run-traces-words"}
DOWNLOADS = re.compile(r"-(csv|json|file|log|export|frame|picture)$")
# Seen in tests of their own, below and in the files beside this one.
ELSEWHERE = {"run-compare", "problem-edit", "run-register", "version-signature"}
# People bring code, and the demo has none.
ELSEWHERE |= {"code-detail", "environment-detail", "template-detail"}
# Somebody begins a sweep or makes a schedule, and the demo has none.
ELSEWHERE |= {"sweep-detail", "schedule-detail", "schedule-edit"}
# An application sends traces, and the demo has none.
ELSEWHERE |= {"experiment-traces", "run-traces", "trace-detail"}
# Somebody moves files, and the demo has one store.
ELSEWHERE |= {"store-move-detail"}
# Somebody makes them, and the demo has none.
ELSEWHERE |= {"webhook-detail", "webhook-edit", "webhook-delivery"}
ELSEWHERE |= {"evaluation-dataset-detail", "evaluation-record-detail"}
# A client evaluates a model, and the demo has none.
ELSEWHERE |= {"table-judge"}
# Somebody has a table scored, and the demo has none.
ELSEWHERE |= {"batch-detail"}
# Ticked runs are sent to it; the demo's are sealed (apps/experiments/tests/test_many_runs.py looks at it).
ELSEWHERE |= {"runs-purge"}

# One document of all operations, which takes axe as long as ten pages: `make test-full` looks at it.
LONG = {"api-docs"}

_walked: dict[str, Walk] = {}
_looked_at: set[str] = set(LONG)
_looked_at_twice: set[str] = set()


@pytest.fixture
def walked(people):
    """The walk of a role, made once."""

    def of(role: str) -> Walk:
        if role not in _walked:
            _walked[role] = walk(people(role), STARTS)
        return _walked[role]

    return of


@pytest.mark.parametrize("role", ROLES)
def test_every_link_answers_and_every_page_is_whole(people, walked, role, request):
    """In the light, narrow and wide; the next test looks again, in both themes, at every width, for all roles."""
    assert not walked(role).dead
    looks = request.config.getoption("--looks", default=None)
    by_role = BY_ROLE if role in ACTING else set()
    folder = looks / role if looks else None
    found = look(people(role), walked(role), by_role, _looked_at, ["light"], NARROWEST_AND_USUAL, folder)
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_page_is_whole_in_both_themes(people, walked, role):
    found = look(people(role), walked(role), BY_ROLE, _looked_at_twice, THEMES, WIDTHS)
    assert not found, "\n".join(found)


def look(
    person: Person,
    found: Walk,
    by_role: set[str],
    known: set[str],
    themes: Sequence[str],
    widths: Sequence[int],
    looks: Path | None = None,
) -> list[str]:
    """The faults of those pages of a walk that nobody looked at before, and of those that differ by role."""
    faulty = []
    for name, path in found.pages.items():
        if name in by_role or name not in known:
            faulty += faults(person, path, looks, themes, widths)
            known.add(name)
    return faulty


def pages_of(resolver: URLResolver) -> Iterator[str]:
    """Names of the routes that a signed-in person sees as a page."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from pages_of(entry)
        elif isinstance(entry, URLPattern) and getattr(entry.callback, "fairway_guard", "") == "page":
            name = entry.name or ""
            if not ACTS.search(name) and name not in PARTS and not DOWNLOADS.search(name):
                yield name


def test_links_lead_to_every_page(walked):
    seen = {name for role in ROLES for name in walked(role).pages}

    assert set(pages_of(get_resolver())) - seen - ELSEWHERE == set()


def test_two_runs_are_chosen_and_compared(people, walked):
    person = people("scientist")
    page = person.page
    person.open(walked("scientist").pages["experiment-detail"])
    for name in ("Gradient boosting, tuned", "Logistic regression"):
        page.get_by_role("checkbox", name=re.compile(f"Select {name}")).check()
    person.press("Compare")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 runs")
    assert "token" not in page.url
    expect(
        page.get_by_role("cell", name="Log loss").or_(page.get_by_role("rowheader", name="Log loss")).first
    ).to_be_visible()
    assert faults(person, page.url.removeprefix(person.product.url)) == []


def test_a_chart_has_its_numbers_as_a_table_and_as_a_file(people, walked):
    person = people("scientist")
    page = person.page
    person.open(walked("scientist").pages["dataset-version-detail"])
    table = page.get_by_role("button", name=re.compile("^Table"))
    twin = page.get_by_role("region", name=re.compile(": table$"))
    expect(twin).to_be_hidden()
    person.click(table)
    expect(twin).to_be_visible()
    page.keyboard.press("t")
    expect(twin).to_be_hidden()
    person.click(page.get_by_label("Save this chart"))
    with page.expect_download() as saved:
        person.press("Numbers (CSV)")
    rows = saved.value.path().read_text().splitlines()
    assert (
        len(rows)
        == 1
        + page.locator("tr", has=page.get_by_role("rowheader", include_hidden=True))
        .filter(has_text=re.compile("^(Yes|No)"))
        .count()
        or len(rows) > 2
    )
