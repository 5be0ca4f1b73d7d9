"""Numbers over many traces, pages of searches, and spans that say what their trace is."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from apps.mlflow_api.npmi import npmi
from apps.mlflow_api.tests.conftest import ROOT, ROOT_3, Caller, Person
from apps.mlflow_api.tests.spans import START_NS, request_of, span_of, spans_send
from apps.mlflow_api.tests.test_traces_refused import info_of, trace_make
from apps.traces.models import Trace
from apps.traces.tests.test_spans_file import span_2

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller_3(person: Person) -> Caller:
    return Caller(person, ROOT_3)


@pytest.fixture
def traces(person: Person) -> list[Trace]:
    """Four traces, of 1 to 4 seconds; the odd ones failed, the first two are of one session."""
    return [
        trace_make(
            person,
            execution_duration=f"{n}s",
            request_time=f"2026-05-01T12:00:0{n}Z",
            state="ERROR" if n % 2 else "OK",
            tags={"mlflow.traceName": "a" if n < 3 else "b", "kind": "x"},
            trace_metadata={
                "mlflow.trace.session": "s1" if n < 3 else f"s{n}",
                "mlflow.trace.tokenUsage": f'{{"input_tokens": {n}, "output_tokens": 1, "total_tokens": {n + 1}}}',
            },
        )
        for n in (1, 2, 3, 4)
    ]


def asked(caller: Caller, person: Person, view: str, metric: str, *kinds: Any, **more: Any) -> list[tuple[Any, Any]]:
    aggregations = [{"aggregation_type": kind} if isinstance(kind, str) else kind for kind in kinds]
    status, body = caller.post(
        "traces/metrics",
        experiment_ids=[str(person.experiment.number)],
        view_type=view,
        metric_name=metric,
        aggregations=aggregations,
        **more,
    )
    assert status == 200, body
    return [(point["dimensions"], point["values"]) for point in body.get("data_points", [])]


def test_traces_are_counted_and_measured(person: Person, caller_3: Caller, traces: list[Trace]):
    def of_traces(metric: str, *kinds: Any, **more: Any) -> Any:
        return asked(caller_3, person, "TRACES", metric, *kinds, **more)

    half = {"aggregation_type": "PERCENTILE", "percentile_value": 50}

    assert of_traces("trace_count", "COUNT") == [({}, {"COUNT": 4})]
    assert of_traces("session_count", "COUNT") == [({}, {"COUNT": 3})]
    assert of_traces("latency", "AVG", "MAX", half) == [({}, {"AVG": 2500, "MAX": 4000, "P50.0": 2500})]
    assert of_traces("total_tokens", "SUM", dimensions=["trace_name"]) == [
        ({"trace_name": "a"}, {"SUM": 5}),
        ({"trace_name": "b"}, {"SUM": 9}),
    ]
    assert of_traces("trace_count", "COUNT", dimensions=["trace_status"], filters=["trace.tag.kind = 'x'"]) == [
        ({"trace_status": "ERROR"}, {"COUNT": 2}),
        ({"trace_status": "OK"}, {"COUNT": 2}),
    ]
    assert of_traces("trace_count", "COUNT", time_interval_seconds=2) == [
        ({"time_bucket": f"2026-05-01T12:00:0{n}+00:00"}, {"COUNT": count}) for n, count in ((0, 1), (2, 2), (4, 1))
    ]
    noon = 1_777_636_800_000
    assert of_traces("trace_count", "COUNT", start_time_ms=noon + 2000, end_time_ms=noon + 3000) == [({}, {"COUNT": 2})]
    assert of_traces("latency", "AVG", filters=["trace.status = 'OK'", "trace.metadata.`mlflow.trace.session` = 's1'"])
    assert of_traces("input_tokens", "AVG", filters=["trace.tag.kind = 'y'"]) == []


def test_spans_and_assessments_are_measured(person: Person, caller_3: Caller):
    trace = secrets.token_bytes(16)
    spans = [span_of(trace, key=bytes([n] * 8), parent=b"" if n == 1 else b"\1" * 8, name=f"s{n}") for n in (1, 2, 3)]
    for n, span in enumerate(spans):
        span.attributes.add(key="mlflow.llm.model").value.string_value = "small" if n else "large"
        cost = span.attributes.add(key="mlflow.llm.cost").value.kvlist_value.values.add(key="total_cost").value
        cost.double_value = 0.25 * (n + 1)
    assert spans_send(person, request_of(*spans), person.experiment.number).status_code == 200
    for value in (True, "no", 5, "words"):
        assessment = {"assessment_name": "good", "feedback": {"value": value}, "source": {"source_type": "CODE"}}
        assert caller_3.post(f"traces/tr-{trace.hex()}/assessments", assessment=assessment)[0] == 200

    assert asked(caller_3, person, "SPANS", "latency", "AVG", filters=["span.name = 's2'"]) == [({}, {"AVG": 20})]
    assert asked(caller_3, person, "SPANS", "total_cost", "SUM", dimensions=["span_model_name"]) == [
        ({"span_model_name": "large"}, {"SUM": 0.25}),
        ({"span_model_name": "small"}, {"SUM": 1.25}),
    ]
    assert asked(caller_3, person, "ASSESSMENTS", "assessment_value", "AVG", "MAX") == [({}, {"AVG": 2, "MAX": 5})]
    assert asked(caller_3, person, "ASSESSMENTS", "assessment_count", "COUNT", filters=["assessment.type = 'feedback'"])


def test_two_filters_are_told_how_they_go_together(person: Person, caller_3: Caller, traces: list[Trace]):
    query = {"experiment_ids": [str(person.experiment.number)], "filter_string1": "status = 'ERROR'"}

    _, told = caller_3.post("traces/calculate-filter-correlation", **query, filter_string2="execution_time < 1500")
    _, never = caller_3.post("traces/calculate-filter-correlation", **query, filter_string2="name = 'c'")

    counts = [told[key] for key in ("filter1_count", "filter2_count", "joint_count", "total_count")]
    assert counts == [2, 1, 1, 4]
    assert 0 < told["npmi"] < 1
    assert never["npmi"] == "NaN"


def test_npmi_knows_its_ends():
    assert npmi(5, 5, 5, 5) == 1.0
    assert npmi(0, 3, 3, 10) == -1.0
    assert abs(npmi(25, 50, 50, 100)) < 1e-9
    assert npmi(0, 0, 3, 10) != npmi(0, 0, 3, 10)


def test_pages_follow_each_other_to_the_end(person: Person, caller_3: Caller, traces: list[Trace]):
    place = info_of(person)["trace_location"]
    for orders in ([], ["execution_time DESC"], ["name ASC", "timestamp_ms DESC"], ["end_time ASC"], ["run_id"]):
        seen, token = [], ""
        while True:
            query = {"page_token": token} if token else {}
            _, body = caller_3.post("traces/search", locations=[place], max_results=1, order_by=orders, **query)
            seen += [info["trace_id"] for info in body.get("traces", [])]
            token = body.get("next_page_token", "")
            if not token:
                break
        assert sorted(seen) == sorted(trace.key for trace in traces), orders
    assert caller_3.post("traces/search", locations=[place], filter="name = 'a'", page_token="x")[0] == 400


def test_spans_alone_say_what_their_trace_is(person: Person, caller_3: Caller):
    """What another library than MLflow's sends: the root comes last, and nothing else is said."""
    trace, root = secrets.token_bytes(16), b"\1" * 8
    child = span_of(trace, key=b"\2" * 8, parent=root, name="call", status={"code": 2, "message": "no answer"})
    child.start_time_unix_nano -= 5_000_000
    usage = child.attributes.add(key="mlflow.chat.tokenUsage").value.kvlist_value
    usage.values.add(key="total_tokens").value.int_value = 40
    whole = span_of(trace, key=root, name="request", status={"code": 1})
    whole.attributes.add(key="mlflow.spanInputs").value.string_value = "who decides?"
    number = person.experiment.number

    spans_send(person, request_of(child, service="advice"), number)
    _, early = caller_3.get(f"traces/tr-{trace.hex()}")
    spans_send(person, request_of(whole, service="advice"), number, **{"x-mlflow-run-id": person.run.pk.hex})
    _, late = caller_3.get(f"traces/tr-{trace.hex()}")
    info = late["trace"]["trace_info"]

    assert early["trace"]["trace_info"]["state"] == "IN_PROGRESS"
    assert (info["state"], info["execution_duration"]) == ("OK", "0.025s")
    assert info["tags"]["mlflow.traceName"] == "request"
    assert info["tags"]["service.name"] == "advice"
    assert info["request_preview"] == "who decides?"
    assert info["trace_metadata"]["mlflow.trace.tokenUsage"] == '{"total_tokens": 40}'
    held = Trace.objects.get()
    assert held.started_at.timestamp() == START_NS / 1e9 - 0.005
    assert list(held.runs.all()) == [person.run]


def test_a_repeated_call_changes_nothing(person: Person, caller_3: Caller):
    span = span_of()
    told = [spans_send(person, request_of(span), person.experiment.number).status_code for _ in range(2)]
    info = info_of(
        person, f"tr-{span.trace_id.hex()}", assessments=[{"assessment_name": "a", "feedback": {"value": 1}}]
    )

    for _ in range(2):
        assert caller_3.post("traces", trace={"trace_info": info})[0] == 200
    held = Trace.objects.get()

    assert told == [200, 200]
    assert (held.span_count, held.assessments.count()) == (1, 1)


def test_mlflow_2_begins_and_ends_traces(person: Person):
    caller, number = Caller(person, ROOT), str(person.experiment.number)
    pair = [{"key": "a", "value": "b"}]
    _, begun = caller.post("traces", experiment_id=number, timestamp_ms=1_780_000_000_000, request_metadata=pair)
    key = begun["trace_info"]["request_id"]

    _, ended = caller.patch(f"traces/{key}", timestamp_ms=1_780_000_000_500, status="ERROR", tags=pair)
    root = f"/api/2.0/mlflow-artifacts/artifacts/{number}/traces/{key}/artifacts/traces.json"
    sent = caller.client.put(root, json.dumps({"spans": [span_2()]}), content_type="application/octet-stream")
    kept = b"".join(caller.client.get(root).streaming_content)
    _, told = caller.get(f"traces/{key}/info")
    _, found = caller.get("traces", experiment_ids=[number], filter="status = 'ERROR'")
    held = Trace.objects.get()
    _, gone = caller.post("traces/delete-traces", experiment_id=number, request_ids=[key])

    assert begun["trace_info"]["status"] == "IN_PROGRESS"
    assert ended["trace_info"]["execution_time_ms"] == 500
    assert (sent.status_code, json.loads(kept)) == (200, {"spans": [span_2()]})
    assert held.span_count == 1
    assert [info["request_id"] for info in found["traces"]] == [key]
    assert {"key": "a", "value": "b"} in told["trace_info"]["tags"]
    assert gone == {"traces_deleted": 1}
