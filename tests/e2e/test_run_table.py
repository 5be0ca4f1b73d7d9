"""The table of an experiment's runs: written filters, a pinned run, groups, views and charts, by mouse and keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browsing import Person
from tests.e2e.looking import faults


@pytest.fixture
def scientist(people) -> Person:
    """At the page of the demo's experiment."""
    person = people("scientist")
    person.open("/experiments/")
    person.page.locator("#table-experiments tbody th a", has_text="Release on recognisance").first.click()
    expect(person.page.locator("#table-runs tbody tr").first).to_be_visible()
    return person


def test_a_filter_is_written_with_proposals_by_keyboard(scientist):
    page = scientist.page
    field = page.get_by_role("combobox", name=re.compile("^Filter, for example"))
    rows = page.locator("#table-runs tbody tr")
    proposals = page.locator("filter-words").get_by_role("option")
    before = rows.count()

    field.press_sequentially("roc")
    expect(proposals.first).to_contain_text("roc_auc")
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", re.compile("-0$"))
    field.press("Enter")
    expect(field).to_have_value(re.compile(r"^metrics\.\w*roc_auc $"))
    expect(proposals.filter(has_text=">=")).to_be_visible()
    field.press_sequentially("> 1")
    field.press("Escape")
    field.press("Enter")

    expect(page.get_by_role("heading", name="No run fits these filters")).to_be_visible()
    assert "filter=metrics." in page.url
    page.get_by_role("link", name="Clear all filters").click()
    expect(rows).to_have_count(before)


def test_a_filter_that_cannot_be_read_is_marked_at_its_field(scientist):
    page = scientist.page
    field = page.get_by_role("combobox", name=re.compile("^Filter, for example"))

    field.fill("metrics.roc >> 1")
    field.press("Escape")
    field.press("Enter")

    expect(page.get_by_text("Invalid filter, character 13")).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []


def test_a_run_is_pinned_and_every_metric_says_how_far_others_are(scientist):
    page = scientist.page
    row = page.locator("#table-runs tbody tr").nth(1)

    row.hover()
    row.get_by_role("link", name=re.compile("^Compare all with")).click()

    expect(page.locator("#table-runs tr.is-pin")).to_have_count(1)
    expect(page.get_by_role("link", name=re.compile("^Let .* go as baseline")).first).to_be_visible()
    expect(page.locator("#table-runs thead")).to_contain_text("Δ")
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []


def test_runs_are_grouped_and_a_group_is_opened(scientist):
    page = scientist.page

    page.get_by_label("Group by").select_option("p.recipe")
    region = page.get_by_role("region", name="Runs by recipe, table")
    expect(region).to_be_visible()
    region.locator("tbody th a").first.click()

    expect(region.locator(".fw-groups__member").first).to_be_visible()
    assert "group=p.recipe" in page.url
    assert "open=" in page.url
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []


def test_what_is_shown_is_kept_as_a_view_and_found_again(scientist):
    page = scientist.page
    page.get_by_label("Group by").select_option("p.recipe")
    expect(page.get_by_role("region", name="Runs by recipe, table")).to_be_visible()

    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save what is shown as").fill("By recipe")
    scientist.press("Save view")
    expect(page.get_by_text("Saved as “By recipe”.")).to_be_visible()
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="All runs").click()
    expect(page.get_by_role("region", name="Runs, table")).to_be_visible()
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="By recipe").click()

    expect(page.get_by_role("region", name="Runs by recipe, table")).to_be_visible()
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="Rename or delete").click()
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []
    page.locator("summary", has_text="Change").first.click()
    scientist.press("Delete")
    expect(page.get_by_text("No view yet")).to_be_visible()


def test_charts_are_over_the_same_runs_and_hold_their_state_in_the_address(scientist):
    page = scientist.page

    page.get_by_role("link", name="Charts", exact=True).click()
    page.get_by_label("Metric", exact=True).select_option("validation_log_loss")
    expect(page.locator("#table-runs plot-figure .main-svg").first).to_be_visible()
    scientist.settle()
    page.get_by_label("Smoothing").select_option("9")
    expect(page.get_by_text("Thin lines are what was measured.")).to_be_visible()
    page.get_by_label("log up").check()
    expect(page.get_by_text("A logarithmic axis has no place for 0 and below.")).to_be_visible()

    assert {"show=charts", "smooth=9", "logy=1"} <= set(page.url.partition("?")[2].split("&"))
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []


def test_selected_runs_are_tagged(scientist):
    page = scientist.page
    page.get_by_role("checkbox", name=re.compile("^Select (?!all)")).first.check()

    scientist.press("Tag")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Tag 1 run")
    assert faults(scientist, page.url.removeprefix(scientist.product.url)) == []
    page.get_by_label("Tag", exact=True).fill("stage")
    page.get_by_label("Value").fill("kept")
    scientist.press("Set the tag")

    expect(page.get_by_text("1 run tagged.")).to_be_visible()


def test_selected_runs_are_archived_and_restored(scientist):
    page = scientist.page
    rows = page.locator("#table-runs tbody tr")
    before = rows.count()

    page.get_by_role("checkbox", name=re.compile("^Select (?!all)")).first.check()
    scientist.press("Archive")
    expect(rows).to_have_count(before - 1)
    scientist.open(page.url.partition("?")[0] + "?archived=1")
    expect(rows).to_have_count(1)
    page.get_by_role("checkbox", name=re.compile("^Select (?!all)")).first.check()
    scientist.press("Restore")

    scientist.open(page.url.partition("?")[0])
    expect(rows).to_have_count(before)
