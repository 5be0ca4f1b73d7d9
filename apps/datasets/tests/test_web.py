"""The data pages as a browser without script uses them, and figures that are plotly's."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.selectors import actor_of_user
from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.core.registries import search_all, station_list
from apps.datasets import services
from apps.datasets.models import Dataset, DatasetVersion
from apps.datasets.tests.factories import csv_bytes, dataset_make, files_in, profile_end, rows_make, version_make
from apps.datasets.web.charts import column_figure, values_text
from apps.jobs.models import Job, JobAttempt
from apps.problems.tests.factories import problem_accepted

pytestmark = pytest.mark.django_db


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _start():
    team = team_make()
    scientist = user_make(role=Role.DATA_SCIENTIST, team=team)
    owner = user_make(role=Role.PRODUCT_OWNER, team=team)
    science = actor_of_user(scientist)
    problem, _ = problem_accepted(science, actor_of_user(owner), team)
    return team, scientist, science, problem


def _file(data: bytes, name: str = "arrests.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="text/csv")


def test_from_a_name_to_a_described_version_with_plain_forms():
    _, scientist, _, problem = _start()
    client = client_of(scientist)
    made = client.post("/data/new/", {"name": "Arrests", "problem": str(problem.pk), "licence": "GPL-2"})
    assert made.status_code == 302
    dataset = Dataset.objects.get(name="Arrests")
    assert "No file has been uploaded" in client.get(made["Location"]).content.decode()

    sent = client.post(f"/data/{dataset.pk}/upload/", {"file": _file(csv_bytes(rows_make(300)))})
    version = DatasetVersion.objects.get(dataset=dataset)
    assert sent["Location"] == f"/data/versions/{version.pk}/"
    waiting = client.get(sent["Location"]).content.decode()
    assert "The file is being read" in waiting
    assert f'data-topic="job.{version.job_id}"' in waiting

    profile_end(version)
    page = client.get(sent["Location"]).content.decode()
    assert "Not every segment has enough rows" in page
    assert "not enough data (n =" in page
    assert f'name="role-{0}"' in page
    assert "Use in Python" in page
    again = client.post(f"/data/{dataset.pk}/upload/", {"file": _file(csv_bytes(rows_make(300)))}, follow=True)
    assert "the very bytes of version 1" in again.content.decode()
    assert client.get("/data/").status_code == 200


def test_a_bad_file_is_shown_with_its_lines(store):
    _, scientist, science, _ = _start()
    client = client_of(scientist)
    dataset = dataset_make(science, scientist.grants.get().team)

    answer = client.post(f"/data/{dataset.pk}/upload/", {"file": _file(b"a,b,c\n1,2,3\n4,5\n6,7,8\n")})

    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Line 3 has 2 fields; the header has 3" in page
    assert '<div class="bad"><i>3</i>4,<mark>5</mark></div>' in page
    assert "Upload corrected file" in page
    assert files_in(store) == []
    nothing = client.post(f"/data/{dataset.pk}/upload/", {})
    assert nothing.status_code == 400


def test_a_failed_version_says_why():
    _, scientist, science, _ = _start()
    client = client_of(scientist)
    version = version_make(science, dataset_make(science, scientist.grants.get().team), csv_bytes(rows_make(60)))
    job = Job.objects.get(pk=version.job_id)
    told = {"error": {"code": "RAGGED", "message": "Line 31 has 4 fields", "line": 31, "column": 5}}
    JobAttempt.objects.create(job=job, number=1, state="ENDED", exit_code=65, result=told)
    services.profile_fail(job, "x")

    page = client.get(f"/data/versions/{version.pk}/").content.decode()

    assert "Line 31 has 4 fields" in page
    assert "<i>31</i>" in page


def test_roles_split_and_withdrawal_by_form():
    _, scientist, science, problem = _start()
    client = client_of(scientist)
    version = profile_end(version_make(science, dataset_make(science, problem.team, problem)))
    url = f"/data/versions/{version.pk}/"

    index = [c["name"] for c in version.schema].index("age")
    assert client.post(f"{url}roles/", {f"role-{index}": "FEATURE"}).status_code == 302
    version.refresh_from_db()
    assert version.schema[index]["role"] == "FEATURE"
    bad = client.post(f"{url}split/", {"train": "50", "validation": "0", "test": "60", "seed": "0"})
    assert bad.status_code == 422
    assert "sum to 1" in bad.content.decode()
    assert client.post(f"{url}split/", {"train": "50", "validation": "0", "test": "50", "seed": "3"}).status_code == 302
    version.refresh_from_db()
    assert version.split["seed"] == 3
    assert client.post(f"{url}quarantine/", {"reason": "Odd ages"}, follow=True).status_code == 200
    version.refresh_from_db()
    assert version.state == "QUARANTINED"
    csv = b"".join(client.get(f"{url}profile.csv").streaming_content).decode()
    assert csv.splitlines()[0].startswith("\ufeffname,type,role,rows")
    file = client.get(f"{url}file/")
    assert file["Content-Disposition"].startswith("attachment")
    assert client.get(f"{url}?column=checks").status_code == 200
    assert client.get(f"{url}?column=nothing&page=99").status_code == 200


def test_delete_shows_its_price_first():
    _, scientist, science, problem = _start()
    client = client_of(scientist)
    dataset = dataset_make(science, problem.team, problem)
    version = profile_end(version_make(science, dataset))

    assert "would be gone" in client.get(f"/data/{dataset.pk}/delete/").content.decode()
    assert client.post(f"/data/{dataset.pk}/delete/", {"confirmation": "no"}).status_code == 422
    services.version_cite(actor=science, version_id=version.pk)
    assert "cannot be deleted" in client.get(f"/data/{dataset.pk}/delete/").content.decode()
    assert client.post(f"/data/{dataset.pk}/archive/").status_code == 302
    dataset.refresh_from_db()
    assert dataset.archived_at is not None


def test_viewers_look_and_strangers_find_nothing():
    team, _scientist, science, problem = _start()
    dataset = dataset_make(science, team, problem)
    version = profile_end(version_make(science, dataset))
    viewer = client_of(user_make(role=Role.VIEWER, team=team))
    stranger = client_of(user_make(role=Role.DATA_SCIENTIST, team=team_make()))

    page = viewer.get(f"/data/versions/{version.pk}/").content.decode()
    assert "Save roles" not in page
    assert viewer.post(f"/data/versions/{version.pk}/roles/", {"role-0": "ID"}).status_code == 403
    assert viewer.post(f"/data/{dataset.pk}/upload/", {"file": _file(csv_bytes())}).status_code == 403
    for path in (f"{dataset.pk}/", f"{dataset.pk}/edit/", f"{dataset.pk}/delete/", f"versions/{version.pk}/"):
        assert stranger.get(f"/data/{path}").status_code == 404, path
    for path in (f"versions/{version.pk}/file/", f"versions/{version.pk}/profile.csv"):
        assert stranger.get(f"/data/{path}").status_code == 404, path


def test_pages_stay_within_their_budget(django_assert_max_num_queries):
    team, scientist, science, problem = _start()
    dataset = dataset_make(science, team, problem)
    version = profile_end(version_make(science, dataset))
    client = client_of(scientist)
    for path in ("/data/", f"/data/{dataset.pk}/", f"/data/versions/{version.pk}/"):
        client.get(path)
        with django_assert_max_num_queries(25):
            assert client.get(path).status_code == 200, path


def test_the_room_answers_search_and_strip():
    team, _, science, problem = _start()
    dataset = dataset_make(science, team, problem, name="Toronto arrests")

    assert next(s for s in station_list(science, problem.pk) if s.key == "data").state == "no version yet"
    profile_end(version_make(science, dataset))
    station = next(s for s in station_list(science, problem.pk) if s.key == "data")
    assert (station.state, station.object_label) == ("sealed", "Toronto arrests 1")
    assert [hit.label for hit in search_all(science, "toronto") if hit.kind == "Dataset"] == ["Toronto arrests"]


def test_figures_are_what_plotly_draws():
    import plotly.graph_objects as go

    number = {
        "name": "age",
        "min": 12,
        "max": 66,
        "quantiles": {"0.5": 21},
        "missing": 3,
        "distinct": 40,
        "histogram": {"edges": [12, 30, 66], "counts": [90, 7]},
    }
    text = {"name": "sex", "missing": 0, "distinct": 2, "top": [["Male", 91], ["Female", 9]]}

    for column in (number, text):
        figure = column_figure(column, 100)
        assert figure is not None
        _valid(go, figure.figure)
        assert sum(int(row[1]) for row in figure.rows) == 100 - column["missing"]
    assert values_text(number, 100) == "12 to 66, median 21"
    assert values_text(text, 100) == "Male 91.0 %, Female 9.0 %"
    assert column_figure({"name": "x", "missing": 5, "top": []}, 5) is None


def _valid(go: Any, figure: dict[str, Any]) -> None:
    """Names of tokens stand where plotly wants colours and fonts; everything else is checked by plotly itself."""
    import json

    plain = json.loads(
        json.dumps(figure).replace('"$cloud"', '"#888"').replace('"$surface"', '"#fff"').replace('"$text-3"', '"#555"')
    )
    assert "$" not in json.dumps(plain)
    go.Figure(plain)
