"""The API's description as a page reads it: operations by subject, fields in words. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"
# Long lists of choices are cut; the description itself has them all.
MOST_CHOICES = 12
FORMATS = {
    "uuid": "id",
    "date-time": "moment",
    "date": "day",
    "uri": "address",
    "email": "e-mail address",
    "binary": "bytes",
    "double": "number",
}
SAMPLES: Mapping[str, Any] = {"integer": 1, "number": 0.5, "boolean": True, "array": [], "object": {}}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is sent or that comes back."""

    name: str
    kind: str
    needed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    title: str
    text: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    body_kind: str
    status: str
    answer: tuple[Field, ...]
    answer_kind: str
    curl: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The operations of one kind of thing."""

    id: str
    name: str
    operations: tuple[Operation, ...]


def subjects_of(document: Schema, address: str) -> tuple[Subject, ...]:
    """Every operation of an OpenAPI document, by its first tag; `address` is what the examples call."""
    found: dict[str, list[Operation]] = {}
    components = document.get("components", {}).get("schemas", {})
    for path, entry in document["paths"].items():
        for method in METHODS:
            if method in entry:
                operation = entry[method]
                subject = next(iter(operation.get("tags", ())), "others")
                found.setdefault(subject, []).append(_operation(path, method, operation, components, address))
    return tuple(Subject(name, name.replace("-", " "), tuple(found[name])) for name in sorted(found))


def _operation(path: str, method: str, operation: Schema, components: Schema, address: str) -> Operation:
    title, _, text = _plain(operation.get("description", operation["operationId"])).partition("\n")
    body_type, body = _content(operation.get("requestBody", {}))
    status = next((code for code in sorted(operation["responses"]) if code.startswith("2")), "")
    _, answer = _content(operation["responses"].get(status, {}))
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        title=title,
        text=text.strip(),
        parameters=tuple(
            Field(one["name"], kind_of(one.get("schema", {}), components), one.get("required", False), _place(one))
            for one in operation.get("parameters", ())
        ),
        body=tuple(_fields(body, components)),
        body_kind="" if not body else kind_of(body, components) if body_type == JSON else "bytes",
        status=status,
        answer=tuple(_fields(answer, components)),
        answer_kind=kind_of(answer, components) if answer else "",
        curl=_curl(path, method, body_type, body, components, address),
    )


def _plain(text: str) -> str:
    """Markdown's marks of code are for other readers."""
    return text.replace("`", "").strip()


def _place(parameter: Schema) -> str:
    words = {"query": "in the query", "path": "in the address", "header": "header"}[parameter["in"]]
    return f"{words}. {parameter['description']}" if parameter.get("description") else words


def _content(part: Schema) -> tuple[str, Schema]:
    """Media type and schema of a body, JSON first; empty when there is none."""
    content = part.get("content", {})
    kind = JSON if JSON in content else next(iter(content), "")
    return kind, content.get(kind, {}).get("schema", {})


def _resolved(schema: Schema, components: Schema) -> Schema:
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        schema = components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["allOf"][0]
    return schema


def _fields(schema: Schema, components: Schema) -> Iterator[Field]:
    """The properties of an object, or of the things of a list."""
    whole = _resolved(schema, components)
    if whole.get("type") == "array":
        whole = _resolved(whole.get("items", {}), components)
    needed = set(whole.get("required", ()))
    for name, one in whole.get("properties", {}).items():
        text = one.get("description", "") or _resolved(one, components).get("description", "")
        # drf-spectacular describes an enumeration by listing it once more.
        yield Field(name, kind_of(one, components), name in needed, "" if text.startswith("* `") else _plain(text))


def kind_of(schema: Schema, components: Schema) -> str:
    """What a value may be, in words: "id", "list of text", "DRAFT, SEALED or null"."""
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return " or ".join(dict.fromkeys(kind_of(one, components) for one in choices))
    whole = _resolved(schema, components)
    if whole is not schema and (whole.get("oneOf") or whole.get("anyOf")):
        return kind_of(whole, components)
    if "enum" in whole:
        shown = ["null" if one is None else str(one) or "empty" for one in whole["enum"]]
        return ", ".join(shown[:MOST_CHOICES]) + (" …" if len(shown) > MOST_CHOICES else "")
    types = whole.get("type", "anything")
    types = types if isinstance(types, list) else [types]
    return " or ".join(_word(one, whole, components) for one in types)


def _word(kind: str, schema: Schema, components: Schema) -> str:
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}), components)}"
    if kind == "string":
        return FORMATS.get(schema.get("format", ""), "text")
    return {"integer": "whole number", "boolean": "true or false"}.get(kind, kind)


def _curl(path: str, method: str, body_type: str, body: Schema, components: Schema, address: str) -> str:
    lines = [f"curl -sS{'' if method == 'get' else f' -X {method.upper()}'} '{address}{path}'"]
    lines.append('-H "Authorization: Bearer $FAIRWAY_TOKEN"')
    if body_type == JSON:
        lines += [
            "-H 'Content-Type: application/json'",
            f"-d '{json.dumps(_sample(body, components), ensure_ascii=False)}'",
        ]
    elif body_type:
        lines += [f"-H 'Content-Type: {body_type}'", "--data-binary @file"]
    return " \\\n  ".join(lines)


def _sample(schema: Schema, components: Schema) -> Any:
    """An example with the fields that are needed."""
    whole = _resolved(schema, components)
    if "enum" in whole:
        return whole["enum"][0]
    if "oneOf" in whole:
        return _sample(whole["oneOf"][0], components)
    if "properties" in whole:
        needed = whole.get("required", ())
        return {name: _sample(one, components) for name, one in whole["properties"].items() if name in needed}
    kind = whole.get("type", "string")
    if kind == "string" and whole.get("format") == "uuid":
        return "00000000-0000-7000-8000-000000000000"
    return SAMPLES.get(kind if isinstance(kind, str) else kind[0], "…")
