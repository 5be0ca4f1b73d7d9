"""MLflow's rules for names and sizes, with its words, where a client can see them."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from apps.core.errors import Invalid
from apps.mlflow_api.door import Source, rows_of, text_of

METRICS_PER_BATCH = 1000
PAIRS_PER_BATCH = 100
ENTRIES_PER_BATCH = 1000
BATCH_BYTES = 1_000_000
KEY = 250
PARAM = 6000
TAG = 8000
EXPERIMENT_NAME = 500
EXPERIMENT_TAG = 20_000
REGISTRY_TAG = 100_000
DATASET = {"name": 500, "digest": 36, "source_type": 36, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215}
INPUT_TAG_KEY = 255
MODEL_NAME = 256
INPUT_TAG = 500
_NAME = re.compile(r"^[/\w.\- :]*$")


def length_check(what: str, value: str, limit: int) -> str:
    """The value. Raises Invalid when it is longer."""
    if len(value) > limit:
        raise Invalid.field(what, f"'{what}' exceeds the maximum length of {limit} characters")
    return value


def key_of(row: Source, path: str = "", name: str = "key") -> str:
    """The name of a metric, param or tag: at most 250 of MLflow's signs, and nothing that reads as another path."""
    try:
        key = text_of(row, name)
    except Invalid as error:
        raise Invalid(error.detail.replace(f"'{name}'", f"'{path}{name}'")) from error
    shown = json.dumps(key[:KEY])
    if not _NAME.match(key):
        raise Invalid(
            f"Invalid value {shown} for parameter '{path}{name}' supplied: Names may only contain alphanumerics, "
            "underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    plain = posixpath.normpath(key)
    if plain != key or plain == "." or plain.startswith(("..", "/")):
        raise Invalid(
            f"Invalid value {shown} for parameter '{path}{name}' supplied: Names may be treated as files in certain "
            "cases, and must not resolve to other names when treated as such."
        )
    return length_check(f"{path}{name}", key, KEY)


def tags_of(source: Source, name: str = "tags", *, limit: int = TAG, count: int = PAIRS_PER_BATCH) -> dict[str, str]:
    """Tags; a value that is too long is cut, as MLflow's servers do."""
    return {
        key_of(row, f"{name}[{index}]."): text_of(row, "value", required=False)[:limit]
        for index, row in enumerate(rows_of(source, name, count))
    }


def params_of(source: Source, name: str = "params", *, count: int = PAIRS_PER_BATCH) -> dict[str, str]:
    """Params; a value that is too long is cut. Raises Invalid for a key that comes twice."""
    params: dict[str, str] = {}
    for index, row in enumerate(rows_of(source, name, count)):
        key = key_of(row, f"{name}[{index}].")
        if key in params:
            raise Invalid(
                f"Duplicate parameter keys have been submitted: ['{key}']. Please ensure the request contains only "
                "one param value per param key."
            )
        params[key] = text_of(row, "value", required=False)[:PARAM]
    return params


def registry_tags_of(source: Source, name: str = "tags") -> dict[str, str]:
    """Tags of registered models and versions: longer values, and none is cut."""
    return {
        key_of(row): length_check("value", text_of(row, "value", required=False), REGISTRY_TAG)
        for row in rows_of(source, name)
    }


def model_name_of(source: Source, name: str = "name") -> str:
    """The name of a registered model by MLflow's rules: no slash, no colon, nothing that reads as another path."""
    value = text_of(source, name)
    if not value.strip():
        raise Invalid.field(name, f"Missing value for required parameter '{name}'.")
    if "/" in value or ":" in value:
        raise Invalid.field(name, f"Invalid model name '{value[:MODEL_NAME]}'. Names cannot contain '/' or ':'.")
    if value == "." or value.startswith(".."):
        # Without a slash a path is its own shortest form. MLflow says 'name' here for a new name too.
        raise Invalid.field(
            name,
            f"Invalid value {json.dumps(value[:MODEL_NAME])} for parameter 'name' supplied: Names may be treated as "
            "files in certain cases, and must not resolve to other names when treated as such. "
            f"This name would resolve to {value[:MODEL_NAME]!r}",
        )
    return length_check(name, value, MODEL_NAME)


def dataset_of(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A dataset input as `RunInput.external` keeps it."""
    given = row.get("dataset")
    if not isinstance(given, dict):
        raise Invalid.field("dataset", f"Missing value for required parameter 'datasets[{index}].dataset'.")
    dataset: dict[str, Any] = {}
    for name, limit in DATASET.items():
        value = text_of(given, name, required=False)
        if value or name in given:
            dataset[name] = length_check(name, value, limit)
    tags = {}
    for tag in rows_of(row, "tags"):
        key = length_check("key", text_of(tag, "key"), INPUT_TAG_KEY)
        tags[key] = length_check("value", text_of(tag, "value", required=False), INPUT_TAG)
    return {**dataset, "tags": tags}
