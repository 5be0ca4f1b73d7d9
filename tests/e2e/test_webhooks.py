"""A webhook made, tested, watched while its target fails, and removed in the browser."""

from __future__ import annotations

import secrets

import httpx
import pytest
from playwright.sync_api import expect

from apps.webhooks.tests.conftest import Target, target  # noqa: F401 - a fixture
from tests.e2e.looking import THEMES, faults
from tests.flows.processes import wait_for
from tests.flows.stack import token_of

TEAM = "Heating service"
NAME = f"chat-{secrets.token_hex(2)}"


def model_register(url: str, token: str) -> None:
    """Something that webhooks are told of, done by a script of the team."""
    body = {"name": f"Boilers told elsewhere {secrets.token_hex(3)}"}
    headers = {"Authorization": f"Bearer {token}"}
    path = f"{url}/api/2.0/mlflow/registered-models/create"
    answer = httpx.post(path, json=body, headers=headers, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text


def test_a_webhook_is_made_tested_watched_and_removed(people, product, target: Target, request):  # noqa: F811
    looks = request.config.getoption("--looks", default=None)
    admin = people("admin")
    page, found = admin.page, []

    def here() -> str:
        return page.url.removeprefix(product.url)

    def look(name: str) -> None:
        found.extend(faults(admin, here(), looks / name if looks else None, THEMES))

    def until(text: str) -> None:
        """Read the page again until the worker has done its part."""

        def told() -> bool:
            page.reload()
            return page.get_by_text(text).count() > 0

        wait_for(told, 60, text)

    admin.open("/")
    admin.follow("Admin")
    admin.follow("Webhooks", within=page.get_by_role("navigation", name="Administration"))
    expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible()
    look("list")
    admin.follow("Create a webhook")
    look("new")
    page.get_by_label("Name").fill("my chat")
    page.get_by_label("Team").select_option(label=TEAM)
    page.get_by_label("Address").fill("https://10.0.0.1/hook")
    page.get_by_label("model registered").check()
    page.get_by_label("version registered").check()
    admin.allow("422")
    admin.press("Create webhook")
    expect(page.get_by_text("A webhook's name has 1 to 63 letters")).to_be_visible()
    expect(page.get_by_label("model registered")).to_be_checked()
    page.get_by_label("Name").fill(NAME)
    admin.allow("422")
    admin.press("Create webhook")
    expect(page.get_by_text("10.0.0.1 leads to an address that is not public.")).to_be_visible()
    page.get_by_label("Address").fill(f"{target.url}/T0KEN")
    page.get_by_label("Secret").fill("a long secret")
    admin.press("Create webhook")
    expect(page.get_by_text("Nothing was sent yet.").first).to_be_visible()
    look("fresh")
    detail = here()

    page.get_by_label("Event", exact=True).select_option(label="version registered")
    admin.press("Send a test")
    expect(page.get_by_text("The target took it and answered 200.")).to_be_visible()
    expect(page.get_by_role("button", name="Send a test")).to_be_focused()
    target.answer = 500
    admin.press("Send a test")
    expect(page.get_by_role("status").get_by_text("The target answered 500.")).to_be_visible()
    assert [path for path, _, _ in target.got] == ["/hook/T0KEN", "/hook/T0KEN"]

    token = token_of(product.stack, "fitter")
    target.answer = 204
    model_register(product.url, token)
    until("Delivers.")
    target.answer = 500
    model_register(product.url, token)
    until("the target answers 500.")
    expect(page.get_by_text("Attempt 2 of 8 follows in")).to_be_visible()
    assert "T0KEN" not in page.content()
    look("failing")
    admin.follow("model registered", within=page.get_by_role("table"))
    expect(page.get_by_role("region", name="Body of the delivery")).to_contain_text("Boilers told elsewhere")
    look("delivery")

    admin.open(detail)
    page.get_by_label("More actions").click()
    admin.follow("Edit")
    expect(page.get_by_label("Address")).to_have_value(f"{target.url}/T0KEN")
    look("edit")
    page.get_by_label("Description").fill("Tells the chat of the team.")
    admin.press("Save")
    expect(page.get_by_text("Tells the chat of the team.")).to_be_visible()
    admin.press("Pause")
    admin.press("Pause", within=page.get_by_role("dialog"))
    expect(page.get_by_text("Paused. What happens from now on is not told.")).to_be_visible()
    look("paused")
    admin.press("Resume")
    expect(page.get_by_text("Resumed. Events are sent from now on.")).to_be_visible()
    admin.open("/admin/webhooks/")
    expect(page.get_by_role("row", name=NAME)).to_contain_text("failing")
    assert "T0KEN" not in page.content()
    look("listed")

    admin.follow(NAME)
    page.get_by_label("More actions").click()
    admin.press("Remove")
    admin.press("Remove", within=page.get_by_role("dialog"))
    expect(page.get_by_text(f"{NAME} is removed.")).to_be_visible()
    expect(page.get_by_role("row", name=NAME)).to_have_count(0)
    assert not found, "\n".join(found)


def test_who_may_not_manage_webhooks_is_told_who_can(people):
    viewer = people("viewer")
    viewer.allow("403")

    assert viewer.open("/admin/webhooks/").status == 403
    expect(viewer.page.get_by_text("an operator or an administrator")).to_be_visible()


@pytest.mark.slow
def test_the_palette_leads_to_webhooks(people):
    admin = people("admin")
    page = admin.page
    admin.open("/")

    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search or run a command")
    palette.get_by_role("combobox").fill("webhooks")
    expect(palette.get_by_role("option").filter(has_text="Go to webhooks")).to_be_visible()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible()
