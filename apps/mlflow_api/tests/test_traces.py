"""Traces, as the real client sends and reads them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.mlflow_api.tests.conftest import person_make
from apps.traces.models import Assessment, Span, Trace, TraceFile

MakeClient = Callable[[str], Any]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mlflow(mlflow_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of somebody with an experiment, which sends traces at once."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    module = pytest.importorskip("mlflow")
    person = person_make()
    mlflow_client(person.token)
    module.set_experiment(experiment_id=str(person.experiment.number))
    module.tracing.reset()
    yield module
    module.tracing.reset()


def answered(mlflow: Any) -> str:
    """The id of a trace of three spans."""

    @mlflow.trace(span_type="RETRIEVER")
    def find(question: str) -> list[str]:
        return [question.upper()]

    with mlflow.start_span(name="answer", span_type="CHAIN") as span:
        span.set_inputs({"question": "who decides?", "n": 3, "ratio": 0.5, "deep": {"list": [1, None, True]}})
        found = find("who")
        with mlflow.start_span(name="model", span_type="LLM") as inner:
            inner.set_attribute("temperature", 0.2)
            inner.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12})
        span.set_outputs({"answer": "a judge", "found": found})
    trace_id = mlflow.get_last_active_trace_id()
    assert trace_id
    return str(trace_id)


@pytest.mark.feature("tracing", "`start_span`, `@mlflow.trace`, nested spans, inputs, outputs, `get_trace`")
def test_a_trace_comes_back_as_it_was(mlflow: Any):
    trace_id = answered(mlflow)

    trace = mlflow.get_trace(trace_id)
    root, *inner = trace.data.spans

    assert (trace.info.state, trace.info.tags["mlflow.traceName"]) == ("OK", "answer")
    assert root.inputs == {"question": "who decides?", "n": 3, "ratio": 0.5, "deep": {"list": [1, None, True]}}
    assert root.outputs == {"answer": "a judge", "found": ["WHO"]}
    assert [(span.name, span.span_type, span.parent_id) for span in inner] == [
        ("find", "RETRIEVER", root.span_id),
        ("model", "LLM", root.span_id),
    ]
    assert inner[1].get_attribute("temperature") == 0.2
    assert trace.info.token_usage["total_tokens"] == 12
    assert trace.info.execution_duration is not None
    assert "who decides?" in trace.info.request_preview
    assert Span.objects.count() == 3
    assert AuditEvent.objects.filter(action="trace.create").count() == 1


@pytest.mark.feature("tracing", "exceptions and events of spans, traces that failed")
def test_an_exception_stands_in_its_span(mlflow: Any):
    with pytest.raises(ValueError, match="no such judge"), mlflow.start_span(name="asks"):
        raise ValueError("no such judge")

    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())
    [span] = trace.data.spans

    assert trace.info.state == "ERROR"
    assert span.status.status_code == "ERROR"
    assert span.events[0].name == "exception"
    assert span.events[0].attributes["exception.message"] == "no such judge"


@pytest.mark.feature("tracing", "`search_traces` to a frame and a list, by name, state, tag, time, run, span, feedback")
def test_traces_are_found(mlflow: Any):
    number = mlflow.get_experiment(mlflow.tracking.fluent._get_experiment_id()).experiment_id
    with mlflow.start_run() as run:
        first = answered(mlflow)
    with pytest.raises(RuntimeError), mlflow.start_span(name="broken"):
        raise RuntimeError("broken")
    second = mlflow.get_last_active_trace_id()
    mlflow.set_trace_tag(first, "kind", "question")
    mlflow.log_feedback(trace_id=first, name="score", value=0.75)
    mlflow.log_feedback(trace_id=second, name="good", value=False)

    def found(text: str | None = None, **query: Any) -> list[str]:
        rows = mlflow.search_traces(locations=[number], filter_string=text, return_type="list", **query)
        return [trace.info.trace_id for trace in rows]

    frame = mlflow.search_traces(locations=[number])

    assert list(frame["trace_id"]) == [second, first]
    assert found() == [second, first]
    assert found(order_by=["timestamp_ms ASC"]) == [first, second]
    assert found("attributes.status = 'ERROR'") == [second]
    assert found("trace.name = 'answer'") == [first]
    assert found("tags.kind = 'question'") == [first]
    assert found("tags.kind != 'question'") == []
    assert found(f"timestamp_ms <= {int(time.time() * 1000) + 1000} AND execution_time < 1e6") == [second, first]
    assert found("span.type = 'LLM' AND span.name LIKE 'mod%'") == [first]
    assert found("span.attributes.temperature = '0.2'") == [first]
    assert found("trace.text LIKE '%who decides%'") == [first]
    assert found("feedback.score > 0.5") == [first]
    assert found("feedback.good = 'false'") == [second]
    assert found("feedback.good IS NULL") == [first]
    assert found("request_metadata.`mlflow.sourceRun` != 'x'") == [first]
    assert found(run_id=run.info.run_id) == [first]
    assert found(max_results=1) == [second]


@pytest.mark.feature("tracing", "`log_feedback`, `log_expectation`, overriding, updating and deleting assessments")
def test_traces_are_assessed(mlflow: Any):
    from mlflow.entities import AssessmentSource, Expectation, Feedback

    trace_id = answered(mlflow)
    judge = AssessmentSource("LLM_JUDGE", "judge-1")

    one = mlflow.log_feedback(trace_id=trace_id, name="good", value=True, source=judge, rationale="It says who.")
    two = mlflow.override_feedback(trace_id=trace_id, assessment_id=one.assessment_id, value=False)
    three = mlflow.log_expectation(trace_id=trace_id, name="answer", value={"who": ["a judge"]})
    mlflow.log_feedback(trace_id=trace_id, name="tried", error=ValueError("too slow"))
    mlflow.update_assessment(trace_id, three.assessment_id, Expectation(name="answer", value="a judge"))
    mlflow.update_assessment(trace_id, two.assessment_id, Feedback(name="good", value=0.5, metadata={"a": "b"}))
    held = {one.assessment_id: one for one in mlflow.get_trace(trace_id).info.assessments}

    assert len(held) == 4
    assert held[one.assessment_id].valid is False
    assert held[one.assessment_id].source.source_id == "judge-1"
    assert held[one.assessment_id].rationale == "It says who."
    assert (held[two.assessment_id].value, held[two.assessment_id].metadata) == (0.5, {"a": "b"})
    assert held[two.assessment_id].overrides == one.assessment_id
    assert held[three.assessment_id].value == "a judge"
    assert {one.error.error_message for one in held.values() if getattr(one, "error", None)} == {"too slow"}

    mlflow.delete_assessment(trace_id, two.assessment_id)

    assert mlflow.get_assessment(trace_id, one.assessment_id).valid is True
    assert Assessment.objects.count() == 3


@pytest.mark.feature("tracing", "`set_trace_tag`, `delete_trace_tag`, `link_traces_to_run`, `delete_traces`")
def test_traces_are_tagged_linked_and_deleted(mlflow: Any):
    client = mlflow.MlflowClient()
    first, second = answered(mlflow), answered(mlflow)
    number = mlflow.get_trace(first).info.experiment_id
    run = client.create_run(number)

    client.set_trace_tag(first, "kind", "question")
    client.delete_trace_tag(first, "kind")
    client.link_traces_to_run([second], run.info.run_id)
    linked = client.search_traces(locations=[number], run_id=run.info.run_id, include_spans=False)
    deleted = client.delete_traces(number, trace_ids=[first])
    rest = client.delete_traces(number, max_timestamp_millis=int(time.time() * 1000) + 60_000)

    assert [trace.info.trace_id for trace in linked] == [second]
    assert (deleted, rest) == (1, 1)
    assert not Trace.objects.exists()
    assert AuditEvent.objects.filter(action="trace.delete").count() == 2


@pytest.mark.feature("tracing", "traces sent in the background, as the client does by itself")
def test_traces_sent_in_the_background_arrive_whole(mlflow: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    mlflow.tracing.reset()

    ids = [answered(mlflow) for _ in range(5)]
    mlflow.flush_trace_async_logging(terminate=True)

    assert [len(mlflow.get_trace(trace_id).data.spans) for trace_id in ids] == [3] * 5
    assert not TraceFile.objects.exists()
    assert set(Trace.objects.values_list("state", flat=True)) == {"OK"}


@pytest.mark.feature("tracing", "spans that are too large for the server, in the trace's file")
def test_large_traces_are_a_file(mlflow: Any, monkeypatch: pytest.MonkeyPatch):
    from apps.mlflow_api import otlp
    from apps.traces.services import files

    monkeypatch.setattr(otlp, "SPAN_LIMIT", 2000)
    monkeypatch.setattr(files, "READ_LIMIT", 2000)
    with mlflow.start_span(name="large") as span:
        span.set_inputs({"text": "x" * 5000})

    trace = mlflow.get_trace(mlflow.get_last_active_trace_id())

    assert trace.data.spans[0].inputs == {"text": "x" * 5000}
    assert not Span.objects.exists()
