"""The README's one picture is the product: the decision page of the demo, as the owner sees it.

`make e2e ARGS=--picture` takes it again; without that, what the picture shows must still be on the page.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browsing import Person

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "img" / "decision.png"
WIDTH, HEIGHT = 1280, 1000
MOST_BYTES = 300 * 1024
VERDICT = re.compile(
    r"^Version 3 would wrongly hold \d+ of every 100 people aged 35 and over .+; live version 2 holds \d+"
)


def test_the_picture_shows_the_decision_that_waits(people, request):
    owner: Person = people("owner")
    page = owner.page
    owner.open("/")
    owner.follow(re.compile("^Decide"), within=page.get_by_role("region", name="Waits for you"))
    owner.settle()
    expect(page.get_by_role("heading", name=VERDICT)).to_be_visible()
    expect(page.get_by_role("button", name="Refuse")).to_be_visible()
    expect(page.get_by_text("1 gate fails").first).to_be_visible()
    if request.config.getoption("--picture", default=False):
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        page.evaluate("document.activeElement.blur()")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
        page.set_viewport_size({"width": WIDTH, "height": 900})

    content = PICTURE.read_bytes()
    assert len(content) <= MOST_BYTES
    assert struct.unpack(">II", content[16:24])[0] == WIDTH
