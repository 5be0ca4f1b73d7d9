"""Data by JSON: uploads in parts, what is stored, and who sees it."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import csv_bytes, dataset_make, files_in, rows_make, version_make, version_sealed

pytestmark = pytest.mark.django_db(transaction=True)


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def _start():
    team = team_make()
    user = user_make(role=Role.DATA_SCIENTIST, team=team)
    client = client_of(user)
    made = client.post("/api/v1/datasets", {"team_id": str(team.pk), "name": "Arrests", "licence": "GPL-2"})
    assert made.status_code == 201
    return team, user, client, made.json()["id"]


def _put(client: APIClient, upload: str, offset: int, data: bytes):
    return client.put(f"/api/v1/uploads/{upload}/parts?offset={offset}", data, content_type="application/octet-stream")


def test_a_file_in_parts():
    _, _, client, dataset = _start()
    data = csv_bytes(rows_make(80_000))
    begun = client.post(f"/api/v1/datasets/{dataset}/uploads", {"filename": "../x/arrests.csv", "size": len(data)})
    assert begun.status_code == 201
    upload = begun.json()
    assert (upload["filename"], upload["received"], upload["part_size"]) == ("arrests.csv", 0, 8 * 1024**2)

    cut = 1024**2
    assert _put(client, upload["id"], 0, data[:cut]).json()["received"] == cut
    assert _put(client, upload["id"], 0, data[:cut]).json()["received"] == cut
    gap = _put(client, upload["id"], cut + 5, data[cut + 5 :])
    assert (gap.status_code, gap.json()["items"]) == (409, [{"received": cut}])
    assert client.get(upload["url"]).json()["received"] == cut
    assert client.post(f"{upload['url']}/complete", {}).status_code == 409
    assert _put(client, upload["id"], cut, data[cut:]).status_code == 200
    done = client.post(f"{upload['url']}/complete", {})
    assert done.status_code == 200
    body = done.json()
    assert (body["same"], body["version"]["number"], body["version"]["state"]) == (False, 1, "PROFILING")
    assert body["redirect"] == f"/data/versions/{body['version']['id']}/"
    assert client.post(f"{upload['url']}/complete", {}).json()["version"]["id"] == body["version"]["id"]


def test_a_cancelled_upload_is_gone(store):
    _, _, client, dataset = _start()
    upload = client.post(f"/api/v1/datasets/{dataset}/uploads", {"name": "a.csv", "size": 3 * 1024**2}).json()
    _put(client, upload["id"], 0, csv_bytes(rows_make(60_000))[: 1024**2])

    assert client.delete(upload["url"]).status_code == 204
    assert client.get(upload["url"]).status_code == 404
    assert files_in(store) == []


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"a,b\n1,\x00\n", "NUL", 2, 3),
        (b"a,a\n1,2\n", "DUPLICATE_HEADER", 1, 2),
        (b"PK\x03\x04aaaa", "COMPRESSED", None, None),
    ],
)
def test_a_bad_file_says_where(store, data, code, line, column):
    _, _, client, dataset = _start()
    upload = client.post(f"/api/v1/datasets/{dataset}/uploads", {"filename": "a.csv", "size": len(data)}).json()

    answer = _put(client, upload["id"], 0, data)

    assert answer.status_code == 400
    fault = answer.json()["items"][0]
    assert (fault["code"], fault["line"], fault["column"]) == (code, line, column)
    assert files_in(store) == []


def test_refusals_of_begin_and_parts():
    _, _, client, dataset = _start()

    def begin(**body):
        return client.post(f"/api/v1/datasets/{dataset}/uploads", body)

    assert begin(filename="a.exe", size=5).status_code == 400
    assert begin(filename="a.csv", size=0).status_code == 400
    assert begin(filename="a.csv", size=2 * 1024**3 + 1).status_code == 413
    assert begin(size=5).status_code == 400
    upload = begin(filename="a.csv", size=100).json()["id"]
    assert (
        client.put(f"/api/v1/uploads/{upload}/parts", b"x", content_type="application/octet-stream").status_code == 400
    )
    assert (
        client.put(
            f"/api/v1/uploads/{upload}/parts?offset=-1", b"x", content_type="application/octet-stream"
        ).status_code
        == 400
    )
    assert client.put(f"/api/v1/uploads/{upload}/parts?offset=0", {"a": 1}).status_code == 415
    assert _put(client, upload, 0, b"").status_code == 400
    assert _put(client, upload, 0, b"x" * 101).status_code == 400
    assert _put(client, upload, 0, b"x" * (16 * 1024**2 + 1)).status_code == 413


def test_what_a_sealed_version_tells():
    _, user, client, dataset = _start()
    actor = actor_of_user(user)
    data = csv_bytes(rows_make(200))
    version = version_sealed(actor, Dataset.objects.get(pk=dataset), data)
    base = f"/api/v1/dataset-versions/{version.pk}"

    detail = client.get(base).json()
    assert (detail["state"], detail["row_count"], detail["split"]["fractions"]["train"]) == ("SEALED", 200, 0.6)
    assert client.get(f"{base}/profile").json()["row_count"] == 200
    assert client.get(f"{base}/support").json() == {"counted": True, "groups": [], "crossings": [], "errors": {}}
    roles = client.put(f"{base}/roles", {"roles": {"released": "TARGET"}})
    assert roles.json()["columns"][0] == {"name": "released", "type": "STRING", "role": "TARGET"}
    assert client.put(f"{base}/roles", {"roles": {"nothing": "TARGET"}}).status_code == 400
    split = client.put(f"{base}/split", {"seed": 3, "fractions": {"train": 0.5, "test": 0.5}})
    assert split.json()["split"] == {"seed": 3, "fractions": {"train": 0.5, "validation": 0.0, "test": 0.5}, "by": None}
    stale = client.put(f"{base}/split", {"seed": 4, "fractions": {"train": 0.5, "test": 0.5}, "row_version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale")
    file = client.get(f"{base}/file")
    assert b"".join(file.streaming_content) == data
    assert file["X-Content-Type-Options"] == "nosniff"
    assert file["Content-Disposition"].startswith("attachment")


def test_another_teams_data_does_not_exist_and_viewers_only_look():
    team, user, client, dataset = _start()
    actor = actor_of_user(user)
    version = version_make(actor, Dataset.objects.get(pk=dataset))
    upload = client.post(f"/api/v1/datasets/{dataset}/uploads", {"filename": "a.csv", "size": 9}).json()["id"]
    stranger = client_of(user_make(role=Role.DATA_SCIENTIST, team=team_make()))
    viewer = client_of(user_make(role=Role.VIEWER, team=team))

    reads = [
        f"datasets/{dataset}",
        f"datasets/{dataset}/versions",
        f"dataset-versions/{version.pk}",
        f"uploads/{upload}",
    ]
    writes = [
        ("patch", f"datasets/{dataset}", {"name": "x"}),
        ("post", f"datasets/{dataset}/uploads", {"filename": "a.csv", "size": 5}),
        ("post", f"datasets/{dataset}/archive", {}),
        ("post", f"datasets/{dataset}/delete", {"confirm": "Arrests"}),
        ("put", f"dataset-versions/{version.pk}/roles", {"roles": {}}),
        ("post", f"dataset-versions/{version.pk}/recall", {"reason": "x"}),
        ("delete", f"uploads/{upload}", {}),
    ]
    for path in reads:
        assert stranger.get(f"/api/v1/{path}").status_code == 404, path
        assert viewer.get(f"/api/v1/{path}").status_code == 200, path
    for method, path, body in writes:
        assert getattr(stranger, method)(f"/api/v1/{path}", body).status_code == 404, path
        assert getattr(viewer, method)(f"/api/v1/{path}", body).status_code == 403, path
    assert stranger.get("/api/v1/datasets").json()["results"] == []


def test_a_dataset_is_made_for_the_team_of_its_problem():
    team, user, client, _ = _start()
    other = team_make()

    assert client.post("/api/v1/datasets", {"team_id": str(other.pk), "name": "x"}).status_code == 404
    assert client.post("/api/v1/datasets", {"team_id": str(team.pk), "name": "arrests"}).status_code == 409
    dataset = dataset_make(actor_of_user(user), team)
    assert client.post(f"/api/v1/datasets/{dataset.pk}/delete", {"confirm": "no"}).status_code == 400
    assert client.post(f"/api/v1/datasets/{dataset.pk}/delete", {"confirm": dataset.name}).status_code == 204
