"""The tabs of the demo's evaluation in the browser: whole pages, a threshold moved by keys, a group made a segment."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.stack import token_of


@pytest.fixture(scope="module")
def evaluation(product) -> str:
    """The address of the demo's newest evaluation."""
    token = token_of(product.stack, "scientist")
    client = httpx.Client(base_url=product.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    newest = client.get("/api/v1/evaluations").json()["results"][0]
    assert newest["state"] == "COMPLETE"
    assert newest["findings_digest"]
    return f"/evaluations/{newest['id']}/"


def test_the_tabs_of_an_evaluation_are_whole(people, evaluation, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    paths = {
        "slices": "slices/",
        "slices-none": "slices/?find=nobody+at+all",
        "flips": "flips/",
        "flip-rows": "flips/rows/?key=overall&kind=negative",
        "fairness": "fairness/",
        "fairness-age": "fairness/?segment=Age",
        "behaviour": "behaviour/",
        "behaviour-none": "behaviour/?find=nobody+at+all",
        "combination": "combination/",
        "combination-cascade": "combination/?by=cascade&find=nobody+at+all",
        "versions": "?of=approved",
        "threshold": "threshold/",
        "threshold-each": "threshold/?shape=each&constraint=EQUALIZED_ODDS&limit=5&at=0.6",
    }

    found = [
        fault
        for name, path in paths.items()
        for fault in faults(person, evaluation + path, looks / name if looks else None, THEMES)
    ]
    viewer = people("viewer")
    found += [
        fault
        for path in ("slices/", "flips/", "behaviour/", "combination/")
        for fault in faults(viewer, evaluation + path, None, THEMES)
    ]

    assert not found, "\n".join(found)


def test_behaviour_tests_are_whole_where_they_are_written_and_decided_on(people, evaluation, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    person.open(evaluation)
    problem = person.page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").nth(1).get_attribute("href")
    assert problem
    paths = {
        "problem": problem,
        "behaviour-list": f"{problem}behaviour/",
        "behaviour-direction": f"{problem}behaviour/?kind=DIRECTION",
        "behaviour-plain": f"{problem}behaviour/?kind=LEAST_FUNCTION",
        "wear": evaluation,
    }

    found = [
        fault for name, path in paths.items() for fault in faults(person, path, looks / name if looks else None, THEMES)
    ]

    assert not found, "\n".join(found)


def test_keys_move_the_threshold_of_every_group_at_once_and_the_address_keeps_it(people, evaluation):
    person = people("owner")
    page = person.page
    person.open(evaluation)
    person.follow("Threshold", within=page.get_by_role("navigation", name="Parts of the evaluation"))
    slider = page.get_by_role("slider", name="Threshold")
    rate = page.locator("tr[data-group] [data-metric=selection_rate] b").first
    first = float(rate.inner_text())
    at = float(slider.input_value())
    before = page.locator("tr[data-group] [data-metric=cost_per_100] b").all_inner_texts()
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")

    expect(page.get_by_role("status").filter(has_text=f"{at + 0.05:.3f}")).to_be_visible()
    after = page.locator("tr[data-group] [data-metric=cost_per_100] b").all_inner_texts()
    assert float(rate.inner_text()) < first
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 1
    shown = page.locator("tr[data-group]").all_inner_texts()
    person.open(page.url)
    assert page.locator("tr[data-group]").all_inner_texts() == shown, "the server works out the same"
    person.press(re.compile("Back to"))
    assert page.locator("tr[data-group] [data-metric=cost_per_100] b").all_inner_texts() == before


def test_a_group_that_nobody_named_becomes_a_segment_and_its_flips_lead_to_masked_rows(people, evaluation):
    person = people("scientist")
    page = person.page
    person.open(evaluation)
    tabs = page.get_by_role("navigation", name="Parts of the evaluation")
    person.follow("Flips", within=tabs)
    person.follow(re.compile("right before, wrong now: Everyone"), within=page.get_by_role("table"))
    expect(page.get_by_role("table")).to_contain_text("***")
    person.follow("Weak slices", within=page.get_by_role("navigation", name="Parts of the evaluation"))
    names = page.get_by_role("link", name=re.compile("^Name it"))
    if names.count():
        person.click(names.first)
        expect(page.get_by_role("heading", level=1, name=re.compile("New version of"))).to_be_visible()
        assert "segment-expression=" in page.url
    else:
        expect(page.get_by_role("heading", name=re.compile("No group that nobody named"))).to_be_visible()
