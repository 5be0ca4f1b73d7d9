"""Bringing code on the pages and by the API, and the pages of code and environments."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.code.models import Bundle, Environment
from apps.code.tests.factories import bundle_make, zip_of
from apps.core.actors import Actor, Role
from apps.jobs.tests.factories import scientist

pytestmark = pytest.mark.django_db

SOURCE = 'def train(rate: float = 0.5):\n    """Fit the model."""\n'


def client_of(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def test_a_script_is_brought_on_the_page_and_its_parameters_are_shown():
    actor, _ = scientist()
    client = client_of(actor)

    answer = client.post(
        reverse("code-create"), {"how": "file", "file": SimpleUploadedFile("train.py", SOURCE.encode()), "name": ""}
    )
    page = client.get(answer.url).content.decode()
    again = client.post(
        reverse("code-create"), {"how": "file", "file": SimpleUploadedFile("other.py", SOURCE.encode()), "name": ""}
    )

    bundle = Bundle.objects.get()
    assert answer.url == again.url == reverse("code-detail", args=[bundle.pk])
    assert "train.py:train" in page
    assert "Fit the model." in page
    assert client.get(reverse("code-file", args=[bundle.pk])).getvalue() == SOURCE.encode()
    assert bundle.name in client.get(reverse("code-list")).content.decode()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({"how": "file"}, "Choose a file first."),
        ({"how": "file", "file": ("bad.py", b"def (")}, "line 1"),
        ({"how": "file", "file": ("bad.zip", zip_of({"../x.py": "x"}))}, "leads out of the archive"),
        ({"how": "commit", "repository": "http://example.org/a.git", "commit": "a" * 40}, "Give an https address"),
        ({"how": "commit", "repository": "file:///etc", "commit": "a" * 40}, "Give an https address"),
        ({"how": "commit", "repository": "https://me:pw@example.org/a", "commit": "a" * 40}, "without a name"),
        ({"how": "commit", "repository": "--upload-pack=x", "commit": "a" * 40}, "Give an https address"),
        ({"how": "commit", "repository": "https://example.org/a.git", "commit": "main"}, "a branch would move"),
        ({"how": "commit", "repository": "https://[::1", "commit": "a" * 40}, "This is no address"),
        ({"how": "commit", "repository": "https://a.org:99999999/", "commit": "a" * 40}, "This is no address"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field(sent, why):
    actor, _ = scientist()
    data = {**sent, **({"file": SimpleUploadedFile(*sent["file"])} if "file" in sent else {})}

    answer = client_of(actor).post(reverse("code-create"), data)

    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Bundle.objects.exists()


def test_code_that_is_put_away_leaves_the_list_and_comes_back():
    actor, team = scientist()
    bundle = bundle_make(actor, team, SOURCE)
    client = client_of(actor)

    client.post(reverse("code-archive", args=[bundle.pk]))
    assert str(bundle.pk) not in client.get(reverse("code-list")).content.decode()
    assert str(bundle.pk) in client.get(reverse("code-list"), {"archived": "1"}).content.decode()

    assert bundle_make(actor, team, SOURCE).archived_at is None
    assert str(bundle.pk) in client.get(reverse("code-list")).content.decode()


def test_a_viewer_reads_and_may_bring_nothing_and_another_team_sees_nothing():
    actor, team = scientist()
    bundle = bundle_make(actor, team, SOURCE)
    viewer, stranger = client_of(actor_make(Role.VIEWER, team)), client_of(scientist()[0])

    assert viewer.get(reverse("code-detail", args=[bundle.pk])).status_code == 200
    assert viewer.get(reverse("code-create")).status_code == 403
    for url in (reverse("code-detail", args=[bundle.pk]), reverse("code-file", args=[bundle.pk])):
        assert stranger.get(url).status_code == 404
    assert stranger.post(reverse("code-archive", args=[bundle.pk])).status_code == 404


def test_the_api_stores_bytes_once_and_names_the_entry_that_is_wrong():
    actor, team = scientist()
    client = client_of(actor)
    url = f"/api/v1/code-bundles?team_id={team.pk}"

    first = client.post(f"{url}&filename=train.py", SOURCE, content_type="application/octet-stream")
    second = client.post(f"{url}&filename=again.py", SOURCE, content_type="application/octet-stream")
    bad = client.post(f"{url}&filename=a.zip", zip_of({"/etc/x": "x"}), content_type="application/octet-stream")
    empty = client.post(f"{url}&filename=a.py", b"", content_type="application/octet-stream")
    nowhere = client.post("/api/v1/code-bundles?filename=a.py", SOURCE, content_type="application/octet-stream")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert first.json()["entries"][0]["schema"]["properties"]["rate"]["default"] == 0.5
    assert (bad.status_code, empty.status_code, nowhere.status_code) == (400, 400, 400)
    assert "/etc/x" in bad.content.decode()


def test_the_database_refuses_to_change_stored_code():
    from django.db import IntegrityError, transaction

    actor, team = scientist()
    bundle = bundle_make(actor, team, SOURCE)

    for change in ({"sha256": "0" * 64}, {"entries": []}, {"lock_text": "x"}):
        with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
            Bundle.objects.filter(pk=bundle.pk).update(**change)
    with pytest.raises(IntegrityError, match="sealed"), transaction.atomic():
        bundle.delete()


def test_an_environment_is_asked_for_by_its_lock_and_seen_on_its_pages():
    actor, team = scientist()
    client = client_of(actor)
    lock = f"tinyland==1.0 --hash=sha256:{'a' * 64}"
    body = json.dumps({"team_id": str(team.pk), "lock": lock, "name": "churn"})

    first = client.post("/api/v1/environments", body, content_type="application/json").json()
    second = client.post("/api/v1/environments", body, content_type="application/json").json()
    bad = client.post(
        "/api/v1/environments",
        json.dumps({"team_id": str(team.pk), "lock": "tinyland==1.0"}),
        content_type="application/json",
    )

    environment = Environment.objects.get()
    assert first["id"] == second["id"] == str(environment.pk)
    assert bad.status_code == 400
    assert "--hash" in bad.content.decode()
    page = client.get(reverse("environment-detail", args=[environment.pk])).content.decode()
    assert "A job builds it." in page
    assert "tinyland" in page
    assert environment.digest[:12] in client.get(reverse("environment-list")).content.decode()
    refused = client.post(reverse("environment-delete", args=[environment.pk]), {"reason": "no"}, follow=True)
    assert "It is being built" in refused.content.decode()
    assert client_of(scientist()[0]).get(reverse("environment-detail", args=[environment.pk])).status_code == 404
