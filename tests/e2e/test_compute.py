"""From home to a working compute target in five clicks, on a real Ray head, by what stands on the page."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.ray_head import RayHead

# A Ray head takes its time to start.
pytestmark = pytest.mark.slow


def test_from_home_to_a_working_target_in_five_clicks_and_out_again(people, product, ray_head: RayHead, request):
    looks = request.config.getoption("--looks", default=None)
    admin = people("admin")
    page, name, found = admin.page, f"cluster-{secrets.token_hex(2)}", []

    def look(word: str) -> None:
        here = page.url.removeprefix(product.url)
        found.extend(faults(admin, here, looks / f"compute-{word}" if looks else None, THEMES))

    admin.open("/")
    admin.clicks = 0
    admin.follow("Admin")
    admin.follow("Compute", within=page.get_by_role("navigation", name="Administration"))
    admin.follow("Add a target")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Address", exact=True).fill(ray_head.address)
    page.get_by_label("Secret").fill(ray_head.token)
    admin.press("Add and test")
    expect(page.get_by_text("A real job ran on it from start to end.").first).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(page.get_by_text("It takes jobs.")).to_be_visible()
    assert admin.clicks <= 5
    expect(page.get_by_role("region", name="Steps of the test").get_by_text("passed")).to_have_count(8)
    assert ray_head.token not in page.content()
    look("detail")

    scientist = people("scientist")
    scientist.open("/training/launch/")
    scientist.page.get_by_label("Runs on").select_option(label=name)
    scientist.press(re.compile("^Launch training"))
    expect(scientist.page.get_by_role("heading", level=1, name=re.compile("^Job "))).to_be_visible()
    expect(scientist.page.get_by_text("It succeeded.")).to_be_visible(timeout=120_000)
    expect(scientist.page.get_by_text(name).first).to_be_visible()

    admin.press("Drain")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The test is over.")
    admin.press("Drain", within=dialog)
    expect(page.get_by_text("It is drained: what runs on it ends, nothing new begins.")).to_be_visible()
    page.get_by_label("More actions").click()
    admin.press("Remove")
    admin.press("Remove", within=page.get_by_role("dialog"))
    expect(page.get_by_text(f"{name} is removed, and its secret deleted.")).to_be_visible()
    look("list")
    assert not found, found


def test_a_worker_is_drained_in_two_clicks_from_the_health_page(people, product, request):
    looks = request.config.getoption("--looks", default=None)
    admin = people("admin")
    page = admin.page
    admin.open("/admin/health/")
    expect(page.get_by_role("heading", level=1, name="Health")).to_be_visible()
    found = faults(admin, "/admin/health/", looks / "health" if looks else None, THEMES)
    admin.clicks = 0

    admin.press("Drain")
    admin.press("Drain", within=page.get_by_role("dialog"))

    expect(page.get_by_text("Every worker is drained: no job starts.")).to_be_visible()
    assert admin.clicks == 2
    admin.press("Resume")
    expect(page.get_by_text("1 worker takes jobs.")).to_be_visible()
    assert not found, found
