"""Where Fairway answers a recorded call unlike MLflow on purpose: which call, and why. The docs page is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Stated:
    """`path` ends the call's path, `said` stands in its query and body as JSON."""

    path: str
    said: str
    what: str


_UNKNOWN = "a word that is none of those allowed, or a page of no rows, is refused; MLflow takes it for something else"
_SAME = "the same files again are the same version, with its tags and aliases"
_NO_CALL = "a call that is not there says so in JSON"
STATED = (
    Stated("model-versions/create", '"models:/m-', _SAME),
    Stated("registered-models/get", '"compat net"', _SAME),
    Stated("model-versions/transition-stage", '"Production"', "what is in production follows from an approval: 409"),
    Stated("model-versions/create", '"s3://bucket/model"', "a version is made of files in Fairway's store only"),
    Stated("runs/create", "{}", "a run without an experiment goes into the default one; MLflow's fails"),
    Stated("runs/get", '"../../etc/passwd"', "what cannot be the id of a run is an invalid parameter"),
    Stated("metrics/get-history", f'"{"0" * 32}"', "the history of a run that is not there is a 404"),
    Stated("runs/search", "params.depth IN", "`IN` works for params and tags as well"),
    Stated("runs/search", " OR ", "`OR` and parentheses work"),
    Stated("runs/search", '< 1 AND"', "a filter that ends in `AND` is refused, MLflow drops the word"),
    Stated("runs/search", '"SIDEWAYS"', _UNKNOWN),
    Stated("experiments/search", '"SIDEWAYS"', _UNKNOWN),
    Stated("runs/update", '"ASLEEP"', _UNKNOWN),
    Stated("registered-models/search", '["max_results", "0"]', _UNKNOWN),
    Stated("logged-models/search", '"max_results": 0', _UNKNOWN),
    Stated("logged-models/search", "nonsense", "a filter that cannot be read is a 400; MLflow answers 500"),
    Stated("no/such/call", "", _NO_CALL),
    Stated("runs/get", "{}", _NO_CALL),
)


def stated(call: dict[str, Any]) -> Stated | None:
    """What is stated of a recorded call."""
    said = json.dumps([call["query"], call["body"]])
    return next((one for one in STATED if call["path"].endswith(one.path) and one.said in said), None)
