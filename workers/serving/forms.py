"""The request bodies the gateway understands: V2's tensors and MLflow's four JSON forms."""

from __future__ import annotations

import json
from typing import Any

from workers.contracts.signature import MAX_ROWS, inputs_clean, records_clean, split_clean
from workers.serving.inputs import Columns, Inputs
from workers.serving.problems import InputRefused, Refused

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class V2Request:
    """What a V2 infer request said: checked columns, the echoed id, and the outputs asked for (None = all)."""

    __slots__ = ("columns", "id", "outputs", "rows")

    def __init__(self, rows: int, columns: Columns, request_id: str | None, outputs: frozenset[str] | None) -> None:
        self.rows = rows
        self.columns = columns
        self.id = request_id
        self.outputs = outputs


def body_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises Refused (400) when there is none."""
    try:
        document = json.loads(body)
    except RecursionError:
        raise Refused(400, "invalid-json", "The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, "invalid-json", f"The body is not valid JSON ({where}).") from None
    except ValueError:
        raise Refused(400, "invalid-json", "The body is not JSON in UTF-8, or holds an absurdly long number.") from None
    if type(document) is not dict:
        raise Refused(400, "invalid-json", "The body must be a JSON object.")
    return document


def rows_check(rows: object) -> None:
    """Refuses (413) a list with more rows than one request may hold; anything else is judged later."""
    if type(rows) is list and len(rows) > MAX_ROWS:
        detail = f"A request may hold at most {MAX_ROWS:,} rows; this one holds {len(rows):,}. Send it in parts."
        raise Refused(413, "too-many-rows", detail, limit=MAX_ROWS)


def v2_parse(document: dict[str, Any], inputs: Inputs, answers: frozenset[str]) -> V2Request:
    """A V2 infer request checked against the signature; `answers` are the outputs the version has.

    Raises InputRefused naming the wrong field. `parameters` must be objects and change nothing, but binary data
    is refused.
    """
    request_id = document.get("id")
    if request_id is not None and type(request_id) is not str:
        raise InputRefused("id", "'id' must be text.")
    if (parameters := document.get("parameters")) is not None and type(parameters) is not dict:
        raise InputRefused("parameters", "'parameters' must be an object.")
    tensors = document.get("inputs")
    if type(tensors) is list:
        for tensor in tensors:
            if type(tensor) is dict:
                rows_check(tensor.get("data"))
            if type(tensor) is dict and (given := tensor.get("parameters")) is not None:
                _parameters_check(str(tensor.get("name")), given)
    outputs = document.get("outputs")
    wanted = None if outputs is None else _outputs(outputs, answers)
    rows, columns = inputs.cleaned(inputs_clean, tensors)
    return V2Request(rows, columns, request_id, wanted)


def invocation_parse(document: dict[str, Any], inputs: Inputs) -> tuple[int, Columns]:
    """Row count and columns of one of MLflow's JSON forms. Raises InputRefused naming what is wrong."""
    present = [form for form in FORMS if form in document]
    if len(present) != 1:
        names = ", ".join(f"'{form}'" for form in FORMS)
        raise InputRefused("body", f"The body must hold exactly one of {names}.")
    if document.get("params"):
        raise InputRefused("params", "The model takes no 'params'.")
    form = present[0]
    value = document[form]
    if form == "dataframe_split":
        if type(value) is not dict or type(value.get("columns")) is not list or type(value.get("data")) is not list:
            raise InputRefused(form, "'dataframe_split' must be an object with the lists 'columns' and 'data'.")
        rows_check(value["data"])
        return inputs.cleaned(split_clean, value["columns"], value["data"], f"{form}.data")
    if form == "inputs" and type(value) is dict:
        return _by_name(value, inputs)
    rows_check(value)
    if type(value) is not list or not value:
        raise InputRefused(form, f"'{form}' must be a list of rows.")
    if form != "dataframe_records" and type(value[0]) is list:
        return inputs.cleaned(split_clean, inputs.names, value, form)
    return inputs.cleaned(records_clean, value)


def _by_name(value: dict[str, Any], inputs: Inputs) -> tuple[int, Columns]:
    for item in value.values():
        rows_check(item)
    columns = {name: _column(item) for name, item in value.items()}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise InputRefused("inputs", "The columns of 'inputs' must all hold the same number of rows.")
    data = [list(row) for row in zip(*columns.values(), strict=True)]
    return inputs.cleaned(split_clean, list(columns), data)


def _column(value: Any) -> list[Any]:
    if type(value) is not list:
        return [value]
    if value and all(type(item) is list and len(item) == 1 for item in value):
        return [item[0] for item in value]
    return value


def _parameters_check(name: str, parameters: Any) -> None:
    if type(parameters) is not dict:
        raise InputRefused(name, f"The 'parameters' of '{name}' must be an object.")
    if "binary_data_size" in parameters:
        raise InputRefused(name, f"'{name}' sends binary data; this server takes JSON.")


def _outputs(outputs: Any, answers: frozenset[str]) -> frozenset[str] | None:
    if type(outputs) is not list:
        raise InputRefused("outputs", "'outputs' must be a list.")
    names = set()
    for output in outputs:
        if type(output) is not dict or type(name := output.get("name")) is not str:
            raise InputRefused("outputs", "Every entry of 'outputs' must be an object with a name.")
        if name not in answers:
            raise InputRefused(name, f"The model has no output '{name}'.")
        names.add(name)
    return frozenset(names) or None
