"""Traces as an application sends them, looked at in the browser."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from playwright.sync_api import expect

from tests.e2e.looking import THEMES, faults
from tests.flows.stack import token_of

MS = 1_000_000
STEPS = (
    # name, type, begin and end in ms, number of the span above, inputs, outputs
    ("answer a question", "CHAIN", 0, 2400, 0, {"question": "Who decides on release?"}, {"answer": "A judge."}),
    ("find documents", "RETRIEVER", 20, 610, 1, {"query": "release"}, ["Bail Act, section 4", "Code, section 22"]),
    ("embed", "EMBEDDING", 30, 160, 2, "release", [0.12, -0.4, 0.9]),
    ("ask the model", "LLM", 640, 2300, 1, {"messages": [{"role": "user", "content": "Who decides?"}]}, "A judge."),
    ("guard", "TOOL", 2310, 2390, 1, "A judge.", True),
)


@dataclass
class Sent:
    """An experiment with traces, and a run that two of them belong to."""

    experiment: str
    run: str
    empty: str
    traces: list[str]
    many: str


class Application:
    """A script that sends traces with a person's token."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def call(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def experiment(self, name: str) -> str:
        number = self.call("/api/2.0/mlflow/experiments/create", name=name)["experiment_id"]
        rows = self.client.get("/api/v1/experiments").json()["results"]
        return next(row["id"] for row in rows if row["number"] == int(number)) + " " + number

    def trace(self, number: str, *, failed: bool = False, steps: int = 0, run: str = "") -> str:
        """Send a trace of the usual steps, or of so many; its id for clients."""
        trace, start = secrets.token_bytes(16), time.time_ns() - 10**10
        request = ExportTraceServiceRequest()
        spans = request.resource_spans.add().scope_spans.add().spans
        told: Any = STEPS
        if steps:
            told = [(f"step {n}", "TOOL", n, n + 30, min(n, 1), {"n": n}, n) for n in range(steps)]
        for place, (name, kind, begin, end, parent, inputs, outputs) in enumerate(told, 1):
            span = spans.add(trace_id=trace, span_id=place.to_bytes(8, "big"), name=name)
            span.start_time_unix_nano, span.end_time_unix_nano = start + begin * MS, start + end * MS
            if parent:
                span.parent_span_id = parent.to_bytes(8, "big")
            for key, value in (("spanType", kind), ("spanInputs", inputs), ("spanOutputs", outputs)):
                text = value if isinstance(value, str) else json.dumps(value)
                span.attributes.add(key=f"mlflow.{key}").value.string_value = text
            if kind == "LLM":
                span.attributes.add(key="mlflow.llm.model").value.string_value = "small-1"
                usage = span.attributes.add(key="mlflow.chat.tokenUsage").value.kvlist_value.values
                for token, count in (("input_tokens", 812), ("output_tokens", 64), ("total_tokens", 876)):
                    usage.add(key=token).value.int_value = count
            span.status.code = 1
            if failed and name in ("ask the model", "answer a question"):
                span.status.code, span.status.message = 2, "The model did not answer in 30 s."
                event = span.events.add(name="exception", time_unix_nano=start + (end - 1) * MS)
                event.attributes.add(key="exception.type").value.string_value = "TimeoutError"
                event.attributes.add(key="exception.message").value.string_value = "no answer in 30 s"
                stack = 'Traceback (most recent call last):\n  File "app.py", line 12, in ask\nTimeoutError: no answer'
                event.attributes.add(key="exception.stacktrace").value.string_value = stack
        headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": number}
        if run:
            headers["x-mlflow-run-id"] = run
        answer = self.client.post("/v1/traces", content=request.SerializeToString(), headers=headers)
        assert answer.status_code == 200, answer.text
        return f"tr-{trace.hex()}"


@pytest.fixture(scope="module")
def sent(product) -> Sent:
    application = Application(product.url, token_of(product.stack, "scientist"))
    experiment, number = application.experiment(f"Advice by a model {secrets.token_hex(2)}").split()
    empty, _ = application.experiment(f"Nothing traced {secrets.token_hex(2)}").split()
    run = application.call("/api/2.0/mlflow/runs/create", experiment_id=number, run_name="prompt 2")
    run_id = run["run"]["info"]["run_id"]
    keys = [application.trace(number, run=run_id), application.trace(number, failed=True, run=run_id)]
    keys.append(application.trace(number, steps=450))
    source = {"source_type": "LLM_JUDGE", "source_id": "judge-large"}
    for name, value in (("grounded", True), ("tone", 0.8)):
        judged = {"assessment_name": name, "feedback": {"value": value}, "source": source, "rationale": "It names who."}
        application.call(f"/api/3.0/mlflow/traces/{keys[0]}/assessments", assessment=judged)
    rows = application.client.get("/api/v1/traces", params={"experiment": experiment}).json()["results"]
    ids = {row["key"]: row["id"] for row in rows}
    return Sent(experiment, run_id, empty, [ids[key] for key in keys], ids[keys[2]])


def test_the_pages_of_traces_are_whole(people, sent, request):
    looks = request.config.getoption("--looks", default=None)
    person = people("scientist")
    run = f"{sent.run[:8]}-{sent.run[8:12]}-{sent.run[12:16]}-{sent.run[16:20]}-{sent.run[20:]}"
    paths = {
        "full": f"/experiments/{sent.experiment}/traces/",
        "empty": f"/experiments/{sent.empty}/traces/",
        "run": f"/runs/{run}/traces/",
        "good": f"/traces/{sent.traces[0]}/",
        "failed": f"/traces/{sent.traces[1]}/?span=0000000000000004",
        "many": f"/traces/{sent.many}/?span={450:016x}",
    }

    found = [
        fault for name, path in paths.items() for fault in faults(person, path, looks / name if looks else None, THEMES)
    ]
    found += faults(people("viewer"), paths["good"], None, ["light"])

    assert not found, "\n".join(found)


def test_a_person_goes_from_the_experiment_to_a_cause_and_judges_it(people, sent):
    person = people("scientist")
    page = person.page
    person.open(f"/experiments/{sent.experiment}/")
    page.get_by_label("More actions").click()
    person.follow("Traces", within=page.get_by_role("main"))
    expect(page.get_by_role("heading", level=1, name="Traces")).to_be_visible()

    page.goto(f"{page.url}?state=ERROR")
    person.follow("answer a question", within=page.get_by_role("table"))
    expect(page.get_by_text("ask the model failed.")).to_be_visible()
    page.get_by_role("link", name="ask the model").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="ask the model")).to_be_visible()
    expect(page.get_by_text("TimeoutError: no answer in 30 s")).to_be_visible()
    expect(page.get_by_role("link", name="ask the model")).to_be_focused()

    page.get_by_text("Give feedback").click()
    page.get_by_label("What about").fill("correct")
    page.get_by_label("Value").fill("no")
    person.press("Save")
    expect(page.locator("#assessments").get_by_text("correct")).to_be_visible()
    person.press("Remove assessment correct")
    expect(page.get_by_text("Nobody has judged it.")).to_be_visible()
