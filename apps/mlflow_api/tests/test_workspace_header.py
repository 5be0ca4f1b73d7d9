"""With the header of a workspace, what is of another one is not found: by name, in lists and by its id."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import Grant
from apps.accounts.tests.factories import team_make
from apps.core.actors import Role
from apps.experiments.models import Run
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, administrator_headers, attempt_token, person_make
from apps.mlflow_api.tests.registry_calls import logged_make, model_make, version_make
from apps.traces.tests.factories import trace_make

pytestmark = pytest.mark.django_db


def asked(person: Person, workspace: str | None, root: str = "") -> Caller:
    caller = Caller(person, root) if root else Caller(person)
    if workspace is not None:
        caller.client.defaults["HTTP_X_MLFLOW_WORKSPACE"] = workspace
    return caller


@pytest.fixture
def two() -> tuple[Person, Person]:
    """A person of two teams, and who made things in the second."""
    person, other = person_make(team=team_make("Alpha")), person_make(team=team_make("Beta"))
    Grant.objects.create(user=person.user, team=other.team, role=Role.DATA_SCIENTIST.value)
    return person, other


def test_what_is_of_another_workspace_is_not_found_by_its_id(two: tuple[Person, Person]):
    person, other = two
    logged, trace = logged_make(other, run=other.run), trace_make(other.actor, other.experiment)
    model_make(Caller(other))
    version_make(Caller(other), other)
    run, number = {"run_id": other.run.pk.hex}, {"experiment_id": str(other.experiment.number)}
    reads: list[tuple[str, str, dict[str, Any]]] = [
        ("", "runs/get", run),
        ("", "experiments/get", number),
        ("", "experiments/get-by-name", {"experiment_name": other.experiment.name}),
        ("", "artifacts/list", run),
        ("", "metrics/get-history", {**run, "metric_key": "auc"}),
        ("", f"logged-models/m-{logged.pk.hex}", {}),
        ("", "registered-models/get", {"name": "fees"}),
        ("", "model-versions/get", {"name": "fees", "version": "1"}),
        (ROOT_3, f"traces/{trace.key}", {}),
        (ROOT_3, "traces/get", {"trace_id": trace.key, "allow_partial": "true"}),
    ]

    here = [asked(person, person.team.slug, root).get(path, **query) for root, path, query in reads]
    there = [asked(person, other.team.slug, root).get(path, **query)[0] for root, path, query in reads]
    anywhere = [asked(person, None, root).get(path, **query)[0] for root, path, query in reads]

    assert {(status, body["error_code"]) for status, body in here} == {(404, "RESOURCE_DOES_NOT_EXIST")}
    assert there == anywhere == [200] * len(reads)


def test_nothing_is_written_to_another_workspace(two: tuple[Person, Person]):
    person, other = two
    trace = trace_make(other.actor, other.experiment)
    run = {"run_id": other.run.pk.hex}
    here, here_3 = asked(person, person.team.slug), asked(person, person.team.slug, ROOT_3)

    answers = [
        here.post("runs/create", experiment_id=str(other.experiment.number)),
        here.post("runs/update", **run, status="FINISHED"),
        here.post("runs/log-metric", **run, key="auc", value=1, timestamp=1),
        here.post("runs/log-batch", **run, params=[{"key": "a", "value": "1"}]),
        here.post("runs/set-tag", **run, key="a", value="1"),
        here.post("runs/delete", **run),
        here.post("experiments/delete", experiment_id=str(other.experiment.number)),
        here_3.post("traces/link-to-run", trace_ids=[trace.key], **run),
        here_3.patch(f"traces/{trace.key}/tags", key="a", value="1"),
    ]
    put = here.client.put(other.path("a.txt"), b"x", content_type="application/octet-stream")

    assert [status for status, _ in answers] == [404] * len(answers)
    assert put.status_code == 404
    kept = Run.objects.get(pk=other.run.pk)
    assert (kept.status, kept.params, kept.tags, kept.archived_at) == ("RUNNING", {}, {}, None)


def test_who_has_the_whole_site_is_held_to_the_workspace_too(two: tuple[Person, Person]):
    person, other = two
    headers = administrator_headers(Role.DATA_SCIENTIST)
    site, within = Caller(headers), Caller(headers)
    within.client.defaults["HTTP_X_MLFLOW_WORKSPACE"] = person.team.slug

    assert site.get("runs/get", run_id=other.run.pk.hex)[0] == 200
    assert within.get("runs/get", run_id=other.run.pk.hex)[0] == 404
    assert within.get("runs/get", run_id=person.run.pk.hex)[0] == 200
    # Calls about people are of the whole site.
    assert within.get("users/list")[0] == 200


def test_a_workspace_that_is_not_ones_own_finds_nothing_and_the_default_one_is_no_limit(two: tuple[Person, Person]):
    person, other = two
    foreign = team_make("Gamma")

    lost = asked(person, foreign.slug).get("runs/get", run_id=person.run.pk.hex)
    default = asked(person, "default").get("runs/get", run_id=other.run.pk.hex)
    info = asked(person, foreign.slug, ROOT_3).get("server-info")

    assert (lost[0], lost[1]["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert f"Workspace '{foreign.slug}' not found" in lost[1]["message"]
    assert (default[0], info[0]) == (200, 200)


def test_a_jobs_token_goes_on_writing_its_run_whatever_the_header_says(person: Person):
    job = Caller({"Authorization": f"Bearer {attempt_token(person)}"})
    job.client.defaults["HTTP_X_MLFLOW_WORKSPACE"] = "elsewhere"

    assert job.post("runs/log-metric", run_id=person.run.pk.hex, key="auc", value=1, timestamp=1) == (200, {})
