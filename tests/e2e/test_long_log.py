"""A job that prints a lot: two people see the same without a reload, and any part of its log is a link away."""

from __future__ import annotations

import re
import uuid

from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.stack import Api, key, token_of

LINES = 6_000
SOURCE = f"""
import time
print("\\x1b[1;32mbegun\\x1b[0m")
for number in range({LINES}):
    if number == 4242:
        print("\\x1b[31mERROR\\x1b[0m shard 7 is torn")
    else:
        print("step", number, flush=number % 100 == 0)
    if number % 100 == 0 and number > {LINES} - 3000:
        time.sleep(0.25)
print("\\x1b]0;owned\\x07the last line", flush=True)
"""


def test_two_people_follow_a_long_log_and_find_any_part_of_it(people, product):
    scientist, owner = people("scientist"), people("owner")
    api = Api(product.url, token_of(product.stack, "scientist", "read", "write"))
    team = api.get("me")["roles"][0]["team_id"]
    name = f"long-{uuid.uuid4().hex[:6]}.py"
    bundle = api.call("POST", "code-bundles", data=f"# {name}\n{SOURCE}".encode(), team_id=team, filename=name).expect(
        201
    )
    launch = api.post("code-launches", {"bundle_id": bundle["id"], "entry": name}, key=key())
    path = f"/jobs/{launch['job_id']}/"

    # The owner's page hears nothing over a WebSocket, and asks.
    owner.page.route_web_socket(re.compile("/ws"), lambda socket: socket.close())
    for person in (scientist, owner):
        person.page.goto(product.url + path)
    for person in (scientist, owner):
        expect(person.page.get_by_text("the last line")).to_be_visible(timeout=60_000)
        expect(person.page.locator("[data-job-state]").first).to_contain_text("succeeded", timeout=20_000)
        assert person.page.title().startswith("Job ")
    owner.allow("WebSocket")

    page = scientist.page
    scientist.open(path)
    found = faults(scientist, path, None, THEMES)
    page.get_by_role("combobox", name="Level").select_option(label="Errors")
    scientist.press("Show")
    expect(page.get_by_text("ERROR shard 7 is torn")).to_be_visible()
    scientist.click(page.get_by_role("link", name=re.compile(r"Line \d+ among its neighbours")))
    marked = page.locator(".fw-log .hit")
    expect(marked).to_contain_text("ERROR shard 7 is torn")
    expect(page.get_by_text("step 4241", exact=True)).to_be_visible()
    found += faults(scientist, page.url.removeprefix(product.url).partition("#")[0], None, THEMES)
    page.get_by_role("textbox", name="Go to a line or time").fill("soon")
    scientist.press("Show")
    expect(page.get_by_role("alert").filter(has_text="A line such as 1200")).to_be_visible()
    page.get_by_role("searchbox", name="Find in the log").fill("STEP 17")
    page.get_by_role("textbox", name="Go to a line or time").fill("")
    scientist.press("Show")
    expect(page.get_by_text("111 lines")).to_be_visible()
    assert page.title().startswith("Job ")
    assert not found, "\n".join(found)
    owner.rest()
    owner.page.unroute_all()
