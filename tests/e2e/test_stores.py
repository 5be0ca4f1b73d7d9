"""A storage backend from its form to its removal: tested, given to a team, files moved there and back."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults

TEAM = "Pretrial services"


def test_a_team_s_files_move_to_a_new_backend_and_back_and_it_goes_again(people, product, tmp_path: Path, request):
    looks = request.config.getoption("--looks", default=None)
    admin = people("admin")
    page, name, found = admin.page, f"disk-{secrets.token_hex(2)}", []
    folder = tmp_path / "disk"
    folder.mkdir()

    def look(word: str) -> None:
        here = page.url.removeprefix(product.url)
        found.extend(faults(admin, here, looks / f"stores-{word}" if looks else None, THEMES))

    def move(source: str, target: str) -> None:
        admin.open("/admin/storage/moves/new/")
        page.get_by_label("Team", exact=True).select_option(label=TEAM)
        page.get_by_label("From", exact=True).select_option(label=source)
        page.get_by_label("To", exact=True).select_option(label=target)
        admin.press("Move")
        expect(page.get_by_text("each hashed after it was copied").first).to_be_visible(timeout=90_000)

    admin.open("/")
    admin.follow("Admin")
    admin.follow("Storage", within=page.get_by_role("navigation", name="Administration"))
    admin.follow("Storage backends")
    admin.follow("Add a backend")
    look("form-s3")
    admin.follow("Folder")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Folder", exact=True).fill(str(folder))
    admin.press("Add and test")
    expect(page.get_by_text("It writes, reads, lists and deletes.").first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("It takes files.")).to_be_visible()
    expect(page.get_by_role("region", name="Steps of the test").get_by_text("passed")).to_have_count(6)
    detail = page.url.removeprefix(product.url)
    look("empty")
    admin.open("/admin/storage/moves/new/")
    look("move-form")

    move("this-installation", name)
    look("moved")
    assert [path for path in (folder / "blobs").rglob("*") if path.is_file()]
    admin.open(detail)
    expect(page.get_by_text(re.compile("New files of .* go here"))).to_be_visible()
    expect(page.get_by_role("region", name="Use by team")).to_be_visible()
    look("full")
    admin.open("/admin/storage/backends/")
    look("list")
    admin.open("/admin/storage/moves/")
    look("moves")

    admin.open(detail)
    admin.press("Make read-only")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The test is over.")
    admin.press("Make read-only", within=dialog)
    expect(page.get_by_text("It is read-only: what lies here is read on, and nothing new is stored.")).to_be_visible()
    page.get_by_label("More actions").click()
    admin.press("Remove")
    admin.press("Remove", within=page.get_by_role("dialog"))
    expect(page.get_by_text("give them another store first")).to_be_visible()
    look("read-only")
    move(name, "this-installation")
    assert not [path for path in (folder / "blobs").rglob("*") if path.is_file()]
    admin.open(detail)
    page.get_by_label("More actions").click()
    admin.press("Remove")
    admin.press("Remove", within=page.get_by_role("dialog"))
    expect(page.get_by_text(f"{name} is removed, and its secret deleted.")).to_be_visible()
    assert not found, found
