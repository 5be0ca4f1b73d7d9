"""The pages and the API of storage backends."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.tests.factories import team_make, user_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.blob_places import OWN
from apps.stores.models import StorageBackend, StorageMove, StorageTest
from apps.stores.selectors import backend_own
from apps.stores.services import move_run
from apps.stores.tests.factories import file_of, folder_make, healthy_make, home_give, note_make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own")]
SECRET = "a-secret-that-nobody-sees"
BASE = "/admin/storage/backends/"
FORM = {
    "kind": "S3",
    "name": "bucket",
    "location": "models",
    "endpoint_url": "http://127.0.0.1:9",
    "key_id": "AKIA1",
    "secret": SECRET,
    "retention_days": "7",
}


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(user_make(role=Role.OPERATOR, team=None))
    return client


def shown(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return " ".join(answer.content.decode().split())


def test_a_backend_is_added_and_its_test_begins_at_once(page):
    answer = page.post(f"{BASE}new/", FORM)

    backend = StorageBackend.objects.get(name="bucket")
    assert answer["Location"] == f"{BASE}{backend.pk}/"
    assert (backend.location, backend.retention_days, backend.state) == ("models", 7, "UNTESTED")
    assert StorageTest.objects.get().backend == backend
    text = shown(page.get(answer["Location"]))
    assert "The test runs." in text
    assert "Write a small file" in text


def test_the_secret_is_nowhere_to_be_read(page):
    page.post(f"{BASE}new/", FORM)
    backend = StorageBackend.objects.get(name="bucket")

    pages = [
        shown(page.get(BASE)),
        shown(page.get(f"{BASE}{backend.pk}/")),
        shown(page.get(f"{BASE}{backend.pk}/edit/")),
        shown(page.post(f"{BASE}new/", {**FORM, "name": "a b"}), 422),
        str(list(AuditEvent.objects.values_list("before", "after"))),
        str(list(StorageBackend.objects.values())),
    ]

    assert not any(SECRET in text for text in pages)
    assert "stored, not shown" in pages[1]


def test_an_edit_keeps_or_replaces_the_secret_and_a_stale_one_is_refused(page):
    page.post(f"{BASE}new/", FORM)
    backend = StorageBackend.objects.get(name="bucket")
    before, edit = backend.secret, f"{BASE}{backend.pk}/edit/"
    sent = {**FORM, "secret": "", "secret_change": "keep", "row_version": backend.row_version}

    assert page.post(edit, sent).status_code == 302
    backend.refresh_from_db()
    assert backend.secret == before
    assert "Somebody changed this" in shown(page.post(edit, {**sent, "row_version": 0}), 409)
    assert "Enter the new secret" in shown(page.post(edit, {**sent, "secret_change": "replace"}), 422)
    page.post(edit, {**sent, "secret_change": "replace", "secret": "new", "row_version": backend.row_version})
    backend.refresh_from_db()
    assert backend.secret not in ("", before)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "a b"),
        ("location", "x"),
        ("location", "../etc"),
        ("prefix", "../up"),
        ("endpoint_url", "ftp://x"),
        ("endpoint_url", "http://u:p@x"),
        ("endpoint_url", "http://[::1"),
        ("region", "EU WEST"),
        ("key_id", "a b"),
        ("key_id", ""),
        ("retention_days", "0"),
        ("retention_days", "9" * 30),
        ("secret", "a\x00b"),
    ],
)
def test_what_is_no_backend_is_refused_at_its_field(page, name, value):
    text = shown(page.post(f"{BASE}new/", {**FORM, name: value}), 422)

    assert "fw-error" in text or "is-bad" in text or "aria-invalid" in text
    assert not StorageBackend.objects.filter(builtin=False).exists()


@pytest.mark.parametrize("path", ["relative", "/", "/tmp/../etc", "//"])
def test_a_folder_is_absolute_and_apart_from_the_installation(page, settings, path):
    form = {"kind": "FILE", "name": "disk", "retention_days": "1"}

    shown(page.post(f"{BASE}new/", {**form, "location": path}), 422)
    shown(page.post(f"{BASE}new/", {**form, "location": str(settings.FAIRWAY_HOME / "postgres")}), 422)
    assert page.get(f"{BASE}new/?kind=moon").status_code == 200
    shown(page.post(f"{BASE}new/", {**form, "kind": "EMBEDDED", "location": "/srv/x"}), 422)


def test_a_place_that_another_backend_has_is_refused(page, tmp_path):
    folder_make(tmp_path / "disk")
    page.post(f"{BASE}new/", {**FORM, "prefix": "team"})

    same = shown(page.post(f"{BASE}new/", {**FORM, "name": "other", "prefix": "team/below"}), 422)
    page.post(f"{BASE}new/", {**FORM, "name": "beside", "prefix": "teams"})
    disk = {"kind": "FILE", "name": "again", "location": f"{tmp_path}/disk/", "retention_days": "1"}

    assert "This place is that of the storage backend “bucket”" in same
    assert StorageBackend.objects.filter(name="beside").exists()
    assert "This place is that of" in shown(page.post(f"{BASE}new/", disk), 422)


def test_read_only_and_back_with_what_it_means(page, tmp_path):
    there = healthy_make(tmp_path / "there")

    page.post(f"{BASE}{there.pk}/pause/", {"reason": "New disks."})
    closed = shown(page.get(f"{BASE}{there.pk}/"))
    twice = shown(page.post(f"{BASE}{there.pk}/pause/", follow=True))
    page.post(f"{BASE}{there.pk}/resume/")

    assert "It is read-only: what lies here is read on" in closed
    assert "New disks." in closed
    assert "cannot become read-only" in twice
    assert "It takes files." in shown(page.get(f"{BASE}{there.pk}/"))


@pytest.mark.usefixtures("notes")
def test_the_page_says_what_it_holds_for_whom_and_removal_says_what_needs_it(page, tmp_path):
    team, there = team_make("Vision"), healthy_make(tmp_path / "there")
    page.post(f"{BASE}{there.pk}/teams/attach/", {"team_id": str(team.pk)})
    note_make(team, file_of(team, b"twelve bytes"), "the note")
    file_of(team, b"nobody")

    text = shown(page.get(f"{BASE}{there.pk}/?figures=1"))
    page.post(f"{BASE}{there.pk}/pause/")
    home_give(team, backend_own())
    refused = shown(page.post(f"{BASE}{there.pk}/remove/", follow=True))

    assert "New files of Vision go here." in text
    assert "needed by nothing" in text
    assert "the next round removes" in text
    assert "the note (note" in refused
    assert StorageBackend.objects.get(pk=there.pk).state == "READ_ONLY"


@pytest.mark.usefixtures("notes")
def test_a_move_is_begun_watched_and_over_on_its_page(page, tmp_path):
    team, there = team_make("Vision"), healthy_make(tmp_path / "there")
    note_make(team, file_of(team, b"on its way"))

    begun = page.post("/admin/storage/moves/new/", {"team_id": team.pk, "source_id": OWN, "target_id": there.pk})
    move = StorageMove.objects.get()
    running = shown(page.get(begun["Location"]))
    again = shown(
        page.post("/admin/storage/moves/new/", {"team_id": team.pk, "source_id": OWN, "target_id": there.pk}), 422
    )
    move_run(move_id=move.pk)
    over = shown(page.get(f"/admin/storage/moves/{move.pk}/now/"))

    assert "0 of 1 file" in running
    assert "every 2s" in running
    assert "being moved already" in again
    assert "each hashed after it was copied" in over
    assert "every 2s" not in over
    assert "Vision" in shown(page.get("/admin/storage/moves/"))


def test_who_manages_no_stores_of_the_site_is_told_who_does(tmp_path):
    there = healthy_make(tmp_path / "there")
    move = StorageMove.objects.create(team=team_make(), source=backend_own(), target=there)
    for role, team in ((Role.DATA_SCIENTIST, team_make()), (Role.OPERATOR, team_make()), (Role.AUDITOR, None)):
        client = Client()
        client.force_login(user_make(role=role, team=team))
        for path in ("", "new/", f"{there.pk}/", f"{there.pk}/edit/", f"{there.pk}/now/", f"{there.pk}/use/"):
            assert "of the site has it" in shown(client.get(f"{BASE}{path}"), 403)
        for path in ("", "new/", f"{move.pk}/", f"{move.pk}/now/"):
            assert "of the site has it" in shown(client.get(f"/admin/storage/moves/{path}"), 403)
        for act in ("test", "pause", "resume", "remove", "teams/attach"):
            assert client.post(f"{BASE}{there.pk}/{act}/").status_code == 403
        assert client.post(f"/admin/storage/moves/{move.pk}/cancel/").status_code == 403


def test_the_own_store_is_a_record_that_is_neither_closed_nor_removed(page):
    text = shown(page.get(f"{BASE}{backend_own().pk}/"))

    assert "what belongs to no team" in text
    assert "Make read-only" not in text
    assert "always takes bytes" in shown(page.post(f"{BASE}{OWN}/pause/", follow=True))
    assert "cannot be removed" in shown(page.post(f"{BASE}{OWN}/remove/", follow=True))


@pytest.mark.usefixtures("notes")
def test_the_api_does_what_the_pages_do_and_never_gives_the_secret(page, tmp_path):
    json = {"content_type": "application/json"}
    made = page.post("/api/v1/storage-backends", {**FORM, "retention_days": 7}, **json)
    pk = made.json()["id"]
    team, there = team_make(), healthy_make(tmp_path / "there")
    note_make(team, file_of(team, b"bytes"))
    url = f"/api/v1/storage-backends/{there.pk}"
    move = {"team_id": team.pk, "source_id": str(OWN), "target_id": there.pk}
    answers = [
        made,
        page.get("/api/v1/storage-backends"),
        page.get(f"/api/v1/storage-backends/{pk}"),
        page.patch(f"/api/v1/storage-backends/{pk}", {"description": "x"}, **json),
        page.post(f"/api/v1/storage-backends/{pk}/test", **json),
        page.post("/api/v1/storage-moves", move, **json),
        page.post(f"{url}/read-only", {"reason": "x"}, **json),
        page.post(f"{url}/writable", **json),
        page.post(f"{url}/teams", {"team_id": team.pk}, **json),
        page.get(f"{url}/retention?days=3"),
    ]

    assert [one.status_code for one in answers] == [201, 200, 200, 200, 202, 202, 200, 200, 200, 200]
    assert not any(SECRET in one.content.decode() for one in answers)
    assert made.json()["has_secret"] is True
    moved = answers[5].json()["id"]
    move_run(move_id=moved)
    assert page.get(f"/api/v1/storage-moves/{moved}").json()["state"] == "DONE"
    use = page.get(f"{url}/use").json()
    assert (use["now"], use["then"], use["teams"][0]["team_id"]) == ({"files": 1, "bytes": 5}, None, str(team.pk))
    assert page.post(f"/api/v1/storage-moves/{moved}/cancel", **json).status_code == 409
    assert page.get(f"{url}/retention?days=x").status_code == 400
    assert page.patch(f"/api/v1/storage-backends/{pk}", {"kind": 7, "location": "\u0000"}, **json).status_code == 400
    assert page.delete(url).status_code == 409
    assert page.delete(f"/api/v1/storage-backends/{pk}").status_code == 204
    assert page.get(f"/api/v1/storage-backends/{pk}").status_code == 404
