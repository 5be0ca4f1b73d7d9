"""What an application does that traces its requests: spans by hand and by decorator, a failure, searches, deleting."""

from __future__ import annotations

import contextlib
import json
import sys

import mlflow


@mlflow.trace(span_type="RETRIEVER")
def find(question: str) -> list[str]:
    return [question.upper()]


def answer(question: str) -> str:
    with mlflow.start_span(name="answer", span_type="CHAIN") as span:
        span.set_inputs({"question": question})
        with mlflow.start_span(name="model", span_type="LLM") as inner:
            inner.set_attribute("temperature", 0.2)
            if question == "broken":
                raise ValueError("no such judge")
        span.set_outputs({"answer": find(question)})
    return question


def main() -> None:
    number = mlflow.set_experiment("compat traces").experiment_id
    client = mlflow.MlflowClient()
    with mlflow.start_run() as run:
        answer("who")
    with contextlib.suppress(ValueError):
        answer("broken")
    if hasattr(mlflow, "flush_trace_async_logging"):
        mlflow.flush_trace_async_logging()
    found = client.search_traces(experiment_ids=[number], order_by=["timestamp_ms ASC"])
    first, second = (trace.info.request_id for trace in found)
    client.set_trace_tag(first, "kind", "question")
    client.set_trace_tag(second, "kind", "other")
    client.delete_trace_tag(second, "kind")
    frame = mlflow.search_traces(experiment_ids=[number], filter_string="tags.kind = 'question'")
    of_run = client.search_traces(experiment_ids=[number], run_id=run.info.run_id)
    held = client.get_trace(first)
    failed = client.get_trace(second)
    said = {
        "version": mlflow.__version__,
        "states": [str(trace.info.status).rsplit(".", 1)[-1] for trace in found],
        "spans": sorted(span.name for span in held.data.spans),
        "inputs": next(span.inputs for span in held.data.spans if span.parent_id is None),
        "events": [event.name for span in failed.data.spans if span.name == "model" for event in span.events],
        "frame": len(frame),
        "of_run": [trace.info.request_id for trace in of_run] == [first],
        "deleted": client.delete_traces(number, **_named([first, second])),
        "left": len(client.search_traces(experiment_ids=[number])),
    }
    sys.stdout.write(json.dumps(said) + "\n")


def _named(ids: list[str]) -> dict[str, list[str]]:
    """The name of the argument differs between MLflow 2 and 3."""
    return {"request_ids" if mlflow.__version__.startswith("2.") else "trace_ids": ids}


main()
