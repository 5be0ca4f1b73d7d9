"""What nobody should do with traces: without a right, of another team, too large, or not what it says it is."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Grant
from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import ROOT, ROOT_3, Caller, Person, attempt_token, person_make
from apps.mlflow_api.tests.spans import request_of, span_of, spans_send
from apps.traces.models import Assessment, Trace
from apps.traces.services import limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller_3(person: Person) -> Caller:
    return Caller(person, ROOT_3)


def info_of(person: Person, key: str = "", **changes: Any) -> dict[str, Any]:
    """What a client says of a trace of the person's experiment."""
    return {
        "trace_id": key or f"tr-{secrets.token_hex(16)}",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(person.experiment.number)},
        },
        "request_time": "2026-05-01T12:00:00.123Z",
        "execution_duration": "1.500s",
        "state": "OK",
        "trace_metadata": {},
        "tags": {"mlflow.traceName": "answer"},
        **changes,
    }


def trace_make(person: Person, key: str = "", **changes: Any) -> Trace:
    info = info_of(person, key, **changes)
    status, body = Caller(person, ROOT_3).post("traces", trace={"trace_info": info})
    assert status == 200, body
    return Trace.objects.get(key=info["trace_id"], team=person.team)


def assessment_of(**changes: Any) -> dict[str, Any]:
    source = {"source_type": "HUMAN", "source_id": "ann"}
    return {"assessment_name": "good", "source": source, "feedback": {"value": True}, **changes}


def test_strangers_viewers_jobs_and_nobody(person: Person, stranger: Person):
    """CVE-2025-14297, CVE-2025-15381, CVE-2026-8147: traces and assessments of others by their ids."""
    trace = trace_make(person)
    number = str(person.experiment.number)
    _, made = Caller(person, ROOT_3).post(f"traces/{trace.key}/assessments", assessment=assessment_of())
    judged = f"traces/{trace.key}/assessments/{made['assessment']['assessment_id']}"
    reads: list[tuple[str, str, dict[str, Any]]] = [
        ("get", f"traces/{trace.key}", {}),
        ("get", "traces/get", {"trace_id": trace.key, "allow_partial": "true"}),
        ("get", judged, {}),
    ]
    writes: list[tuple[str, str, dict[str, Any]]] = [
        ("post", "traces", {"trace": {"trace_info": info_of(person)}}),
        ("post", f"traces/{trace.key}/assessments", {"assessment": assessment_of()}),
        ("patch", judged, {"assessment": assessment_of(), "update_mask": "feedback"}),
        ("delete", judged, {}),
        ("patch", f"traces/{trace.key}/tags", {"key": "a", "value": "b"}),
        ("delete", f"traces/{trace.key}/tags", {"key": "a"}),
        ("post", "traces/delete-traces", {"experiment_id": number, "request_ids": [trace.key]}),
        ("post", "traces/link-to-run", {"trace_ids": [trace.key], "run_id": person.run.pk.hex}),
    ]
    callers = {
        "viewer": person_make(Role.VIEWER, person.team),
        "stranger": stranger,
        "job": {"Authorization": f"Bearer {attempt_token(person)}"},
        "nobody": {},
    }

    seen = {
        name: [
            [getattr(Caller(who, ROOT_3), method)(path, **body)[0] for method, path, body in calls]
            for calls in (reads, writes)
        ]
        for name, who in callers.items()
    }
    lists = Caller(stranger, ROOT_3)
    found = [
        lists.post("traces/search", locations=[info_of(person)["trace_location"]])[1],
        lists.post("traces/batchGetInfos", trace_ids=[trace.key])[1],
    ]

    assert seen["viewer"] == [[200] * 3, [403] * 8]
    assert seen["stranger"] == [[404] * 3, [404] * 8]
    assert seen["job"][0] == [404] * 3
    # A job's token writes its own run, but sees no trace to link to it.
    assert seen["job"][1] == [404] * 7 + [200]
    assert seen["nobody"] == [[401] * 3, [401] * 8]
    assert found == [{}, {}]
    assert not Trace.objects.get().tags
    assert not Trace.runs.through.objects.exists()
    assert Assessment.objects.get().value is True


def test_one_id_in_two_teams_is_two_traces(person: Person, stranger: Person):
    trace = secrets.token_bytes(16)
    for who in (person, stranger):
        assert spans_send(who, request_of(span_of(trace, name=who.team.slug)), who.experiment.number).status_code == 200

    told = [Caller(who, ROOT_3).get("traces/get", trace_id=f"tr-{trace.hex()}")[1] for who in (person, stranger)]

    assert [one["trace"]["spans"][0]["name"] for one in told] == [person.team.slug, stranger.team.slug]


def test_a_trace_moves_to_no_other_team(person: Person, stranger: Person):
    Grant.objects.create(user=person.user, team=stranger.team, role=Role.DATA_SCIENTIST)
    trace = trace_make(person)

    again = trace_make(stranger, trace.key)
    Caller(person, ROOT_3).post("traces/link-to-run", trace_ids=[trace.key], run_id=stranger.run.pk.hex)

    assert again.pk != trace.pk
    assert [linked.pk for linked in Trace.objects.filter(runs=stranger.run)] == [again.pk]


def test_an_operator_writes_and_does_not_delete(person: Person):
    operator = person_make(Role.OPERATOR, person.team)
    trace = trace_make(operator)
    number = str(operator.experiment.number)

    status, body = Caller(operator, ROOT_3).post("traces/delete-traces", experiment_id=number, request_ids=[trace.key])

    assert (status, body["error_code"]) == (403, "PERMISSION_DENIED")
    assert Trace.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"trace_id": ""},
        {"trace_id": "../../etc/passwd"},
        {"trace_id": "t" * 65},
        {"trace_id": 7},
        {"request_time": "yesterday"},
        {"request_time": "9999-12-31T23:59:59.999-23:59"},
        {"request_time": None},
        {"request_time": "9999-12-31T23:59:59Z"},
        {"request_time": "0001-01-01T00:00:00Z"},
        {"execution_duration": "9999999999s"},
        {"execution_duration": "fast"},
        {"execution_duration": "9" * 20 + "s"},
        {"state": "GREAT"},
        {"tags": {f"k{n}": "v" for n in range(limits.PAIRS_LIMIT + 1)}},
        {"tags": {"k" * 251: "v"}},
        {"tags": ["a"]},
        {"trace_metadata": {"a": {"b": "c"}}},
        {"client_request_id": "c" * 251},
        {"assessments": [{"assessment_name": "a"}]},
        {"assessments": [{}] * 101},
    ],
    ids=range(20),
)
def test_traces_that_cannot_be_kept_are_refused(person: Person, caller_3: Caller, changes: dict[str, Any]):
    status, body = caller_3.post("traces", trace={"trace_info": {**info_of(person), **changes}})

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
    assert not Trace.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"assessment_name": ""},
        {"assessment_name": "n" * 251},
        {"feedback": {"value": "v" * 100_001}},
        {"feedback": {"value": float("nan")}},
        {"feedback": None},
        {"expectation": {"value": 1}},
        {"source": {"source_type": "ORACLE"}},
        {"source": {"source_type": "HUMAN", "source_id": "s" * 251}},
        {"span_id": "<script>"},
        {"rationale": "r" * 20_001},
        {"metadata": {"a": []}},
        {"feedback": {"error": "boom"}},
    ],
    ids=range(12),
)
def test_assessments_that_cannot_be_kept_are_refused(person: Person, caller_3: Caller, changes: dict[str, Any]):
    trace = trace_make(person)

    status, body = caller_3.post(f"traces/{trace.key}/assessments", assessment=assessment_of(**changes))

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
    assert not Assessment.objects.exists()


def test_assessments_of_a_trace_are_limited(person: Person, caller_3: Caller, monkeypatch: pytest.MonkeyPatch):
    from apps.traces.services import assessments

    monkeypatch.setattr(assessments, "ASSESSMENTS_LIMIT", 1)
    trace = trace_make(person)

    statuses = [caller_3.post(f"traces/{trace.key}/assessments", assessment=assessment_of())[0] for _ in range(2)]

    assert statuses == [200, 400]


def test_what_the_server_says_of_a_trace_is_no_tag_of_clients(person: Person, caller_3: Caller):
    forged = {"mlflow.artifactLocation": "file:///etc", "mlflow.trace.spansLocation": "ARCHIVE_REPO"}
    trace = trace_make(person, tags=forged)

    _, told = caller_3.get(f"traces/{trace.key}")
    set_again = [caller_3.patch(f"traces/{trace.key}/tags", key=key, value=value)[0] for key, value in forged.items()]

    tags = told["trace"]["trace_info"]["tags"]
    assert tags["mlflow.artifactLocation"].startswith(f"mlflow-artifacts:/{person.experiment.number}/traces/")
    assert "mlflow.trace.spansLocation" not in tags
    assert set_again == [400, 400]


@pytest.mark.parametrize(
    "path", ["a.txt", "attachments/../traces.json", "attachments/a/b", "attachments/", "traces.json/x"]
)
def test_a_trace_has_no_other_files(person: Person, path: str):
    trace = trace_make(person)
    root = f"/api/2.0/mlflow-artifacts/artifacts/{person.experiment.number}/traces/{trace.key}/artifacts/"

    answer = Client(headers=person.headers).put(root + path, b"x", content_type="application/octet-stream")

    assert answer.status_code in (400, 404)
    assert not trace.files.exists()


def test_files_of_a_strangers_trace_are_not_there(person: Person, stranger: Person):
    trace = trace_make(person)
    path = f"/api/2.0/mlflow-artifacts/artifacts/{person.experiment.number}/traces/{trace.key}/artifacts/traces.json"
    mine = Client(headers=person.headers).put(path, b'{"spans": []}', content_type="application/octet-stream")
    viewer = person_make(Role.VIEWER, person.team)

    answers = [
        getattr(Client(headers=who.headers), method)(path, **({} if method != "put" else {"data": b"x"})).status_code
        for who in (stranger, viewer)
        for method in ("get", "put", "delete")
    ]
    read = Client(headers=viewer.headers).get(path)

    assert mine.status_code == 200
    assert answers == [404, 404, 404, 200, 403, 409]
    assert b"".join(read.streaming_content) == b'{"spans": []}'
    assert read["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "text",
    [
        "span.secret = 'x'",
        "span.attributes. = 'x'",
        "text = 'x'",
        "attributes.password = 'x'",
        "feedback.a > 'x'",
        "tags.a = 'x' AND",
        " AND ".join(["span.name = 'a'"] * 11),
        "tags.a RLIKE 'x'",
    ],
    ids=range(8),
)
def test_filters_that_say_nothing_are_refused(person: Person, caller_3: Caller, text: str):
    status, body = caller_3.post("traces/search", locations=[info_of(person)["trace_location"]], filter=text)

    assert (status, body["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("traces/search", {"locations": []}),
        ("traces/search", {"locations": [{}], "max_results": 501}),
        ("traces/search", {"locations": [{}], "order_by": ["text"]}),
        ("traces/search", {"locations": [{}], "page_token": "x"}),
        ("traces/batchGetInfos", {}),
        ("traces/batchGetInfos", {"trace_ids": ["a"] * 1001}),
        ("traces/delete-traces", {}),
        ("traces/delete-traces", {"request_ids": ["a"], "max_timestamp_millis": 1}),
        ("traces/delete-traces", {"max_timestamp_millis": 1, "max_traces": 0}),
        ("traces/link-to-run", {"trace_ids": ["a"] * 101}),
        ("traces/metrics", {"metric_name": "nonsense", "view_type": "TRACES", "aggregations": []}),
        ("traces/calculate-filter-correlation", {"filter_string1": "name = 'a'"}),
    ],
    ids=range(12),
)
def test_calls_that_ask_for_too_much_or_nothing_are_refused(person: Person, caller_3: Caller, path: str, body: Any):
    named = {"experiment_id": str(person.experiment.number), "run_id": person.run.pk.hex}

    status, told = caller_3.post(path, experiment_ids=[named["experiment_id"]], **{**named, **body})

    assert (status, told["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), told


def test_another_site_cannot_ride_a_session_to_a_trace(person: Person):
    """CVE-2026-2652 and its kind: a page elsewhere that posts for whoever is signed in here."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person.user)
    named = {"x-mlflow-experiment-id": str(person.experiment.number)}

    spans = browser.post("/v1/traces", request_of(span_of()), content_type="application/x-protobuf", headers=named)
    simple = browser.post(ROOT_3 + "traces", "{}", content_type="text/plain")
    older = browser.patch(ROOT + "traces/tr-1/tags", {"key": "a"}, content_type="application/json")

    assert [answer.status_code for answer in (spans, simple, older)] == [403] * 3
    assert not Trace.objects.exists()
