"""What a page says when it has nothing, may not, cannot, or does not know."""

from __future__ import annotations

import re
import uuid

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import expect

from tests.e2e.browsing import person_open
from tests.e2e.looking import faults, walk

EMPTY = {
    "/problems/": "Register a problem",
    "/data/": "Register a dataset",
    "/experiments/": None,
    "/models/": None,
    "/jobs/": None,
    "/reviews/": None,
    "/deployments/": None,
}


def test_a_team_without_anything_is_told_what_to_do(people):
    person = people("newcomer")
    found = faults(person, "/")
    for path, action in EMPTY.items():
        found += faults(person, path)
        expect(person.page.get_by_role("heading", level=1)).to_be_visible()
        if action:
            expect(person.page.get_by_role("link", name=action).first).to_be_visible()
    assert not found, "\n".join(found)


def test_a_draft_lists_what_is_missing_and_a_bad_file_says_where(people, tmp_path):
    person = people("newcomer")
    page = person.page
    person.open("/problems/new/")
    page.get_by_label("Name").fill(f"Draft {uuid.uuid4().hex[:4]}")
    person.press("Begin the draft")
    expect(page.get_by_role("heading", name="Missing in what is saved")).to_be_visible()
    found = faults(person, page.url.removeprefix(person.product.url))
    person.allow("409|422")
    person.press("Save and send for acceptance")
    expect(page.get_by_role("alert")).to_contain_text("not sent")

    person.open("/data/new/")
    page.get_by_label("Name").fill(f"Ragged {uuid.uuid4().hex[:4]}")
    person.press("Register")
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,b\n1,2\n3\n")
    person.allow("400")
    page.get_by_label("File").set_input_files(ragged)
    person.press("Upload")
    expect(page.get_by_role("alert").filter(has_text="Line 3 has 1 field; the header has 2.")).to_be_visible()
    expect(page.get_by_text("Nothing was stored.")).to_be_visible()
    expect(page.get_by_text("Line 3, column 1", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Lines around the error").locator(".bad")).to_have_text("33")
    found += faults(person, page.url.removeprefix(person.product.url))
    assert not found, "\n".join(found)


def test_who_may_not_is_told_who_can(people):
    person = people("viewer")
    person.allow("403")
    assert person.open("/problems/new/").status == 403
    expect(person.page.get_by_text(re.compile("administrator", re.I)).first).to_be_visible()
    assert whole(faults(person, "/problems/new/")) == []


@pytest.mark.slow
def test_what_is_not_there_and_what_belongs_to_another_team_read_the_same(people):
    owner, stranger = people("owner"), people("newcomer")
    theirs = walk(owner, ["/problems/"]).pages["problem-detail"]
    said = []
    for path in (theirs, f"/problems/{uuid.uuid4()}/"):
        stranger.allow("404")
        assert stranger.open(path).status == 404
        said.append(stranger.page.get_by_role("main").inner_text())
    references = [re.sub(r"[0-9a-f-]{16,}", "", text) for text in said]
    assert references[0] == references[1]
    assert whole(faults(stranger, theirs)) == []


def whole(found: list[str]) -> list[str]:
    """Faults beside the refusal itself, which the browser's console repeats."""
    return [fault for fault in found if "Failed to load resource" not in fault]


@pytest.mark.parametrize("template", ["500.html", "503.html"])
def test_pages_of_last_resort_are_whole(people, template):
    person = people("newcomer")
    body = render_to_string(template, {"request_id": "0a1b2c3d"})
    address = f"{person.product.url}/last-resort"
    person.page.route(address, lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    try:
        assert faults(person, "/last-resort") == []
    finally:
        person.page.unroute(address)


def test_pages_before_the_sign_in(browser, product):
    stranger = person_open(browser, product, "stranger")
    found = []
    for path in ("/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/"):
        found += faults(stranger, path)
    for path in ("/accounts/link/not-a-link/", "/invitation/not-an-invitation/"):
        stranger.allow("40[034]|410")
        found += whole(faults(stranger, path))
    stranger.open("/problems/")
    expect(stranger.page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    stranger.context.close()
    assert not found, "\n".join(found)


def test_without_a_websocket_the_log_comes_by_asking_and_says_so(people):
    person = people("scientist")
    page = person.page
    page.route_web_socket(re.compile("/ws"), lambda socket: socket.close())
    person.allow("WebSocket|ERR_")
    person.open("/experiments/")
    person.follow("Launch training", within=page.get_by_role("main"))
    person.click(page.get_by_role("radio", name="Random forest"))
    person.settle()
    page.get_by_label(re.compile("^Trees")).fill("2000")
    person.press(re.compile("^Launch training"))
    expect(page.get_by_role("heading", level=1, name=re.compile("^Job"))).to_be_visible()
    status = page.get_by_role("status").filter(has_text=re.compile("delayed|offline since"))
    expect(status.first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("log")).to_contain_text(re.compile("rows|forest", re.I), timeout=30_000)

    person.clicks = 0
    person.press("Cancel job")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Only a trial of the log.")
    person.press("Cancel job", within=dialog)
    assert person.clicks == 2
    expect(page.get_by_text("cancelled", exact=True).first).to_be_visible(timeout=30_000)


def test_a_part_that_does_not_come_says_so_in_its_place_and_is_asked_for_again(people):
    person = people("owner")
    page = person.page
    person.allow("503")
    person.open("/evaluations/")
    address = page.get_by_role("rowheader").get_by_role("link").first.get_attribute("href")

    def curves_away(route):
        if route.request.headers.get("hx-target") == "curves":
            route.fulfill(status=503, content_type="text/html", body="away", headers={"X-Request-ID": "r-1"})
        else:
            route.continue_()

    page.route("**/evaluations/**", curves_away)
    page.goto(person.product.url + address)
    missed = page.locator("#curves")
    expect(missed.get_by_role("alert")).to_contain_text("This part could not be loaded. Reference r-1.")
    expect(page.locator("#matrix").get_by_role("table")).to_be_visible()
    page.unroute("**/evaluations/**")
    person.press("Try again", within=missed)
    expect(page.get_by_role("heading", name=re.compile("^ROC AUC"))).to_be_visible()
    person.settle()
