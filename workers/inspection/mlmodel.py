"""Reads MLmodel, the description that MLflow puts beside a model: nothing in it is believed, what it names must
be on our lists, and its signature is taken for the names and types of columns alone.
"""

from __future__ import annotations

import json
from typing import Any

import yaml

from workers.contracts.signature import Signature, SignatureError, Tensor
from workers.inspection.allowed import FLAVORS, LOADERS
from workers.inspection.files import Refused

MAX_BYTES = 1024**2
MAX_DEPTH = 12
MAX_EVENTS = 100_000
MAX_COLUMNS = 2_000
MAX_NAME = 500
_TYPES = {"boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64", "string": "BYTES"}
_ELEMENTS = {
    "bool": "BOOL",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "str": "BYTES",
    "object": "BYTES",
}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def mlmodel_read(data: bytes, model_path: str) -> Signature | None:
    """The signature of its columns, None when it states none that can be used. Raises Refused."""
    document = _document(data)
    flavors = document.get("flavors", {})
    if not isinstance(flavors, dict):
        raise Refused("MLmodel cannot be read: its flavors are not an object.")
    for name, flavor in flavors.items():
        _flavor_check(str(name), flavor, model_path)
    return _signature(document.get("signature"))


def signature_read(data: bytes) -> Signature | None:
    """The signature alone, for people who look at the file; None when it states none or cannot be read."""
    try:
        return _signature(_document(data).get("signature"))
    except Refused:
        return None


def _document(data: bytes) -> dict[str, Any]:
    """The YAML of a bounded file. Events are counted before anything is built: no aliases, no tags, no depth."""
    if len(data) > MAX_BYTES:
        raise Refused("MLmodel is larger than 1 MiB.")
    try:
        depth = 0
        for count, event in enumerate(yaml.parse(data, Loader=_Loader)):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise Refused("MLmodel refers to parts of itself, which can grow without bound.")
            if getattr(event, "tag", None) is not None:
                raise Refused("MLmodel names types of its own, which is not allowed.")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH or count > MAX_EVENTS:
                raise Refused("MLmodel is nested too deeply or holds too much.")
        document = yaml.load(data, Loader=_Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError):
        raise Refused("MLmodel cannot be read.") from None
    if not isinstance(document, dict):
        raise Refused("MLmodel cannot be read: it is not an object.")
    return document


def _flavor_check(name: str, flavor: object, model_path: str) -> None:
    if name not in FLAVORS:
        raise Refused(f"MLmodel asks for the flavor {name[:80]!r}, which is not on Fairway's list.")
    if not isinstance(flavor, dict):
        raise Refused("MLmodel cannot be read: a flavor is not an object.")
    loader = flavor.get("loader_module")
    if loader is not None and loader not in LOADERS:
        raise Refused(f"MLmodel asks for the loader {str(loader)[:80]!r}, which is not on Fairway's list.")
    if flavor.get("code"):
        raise Refused("MLmodel brings code of its own, which is never run.")
    way = flavor.get("serialization_format")
    if way is not None and way != "skops":
        raise Refused(f"MLmodel says that the model was written by {str(way)[:40]!r}, which can run code.")
    for key in ("pickled_model", "model_path", "data"):
        named = flavor.get(key)
        if named is not None and named != model_path:
            raise Refused(f"MLmodel names {str(named)[:80]!r} as the model, which is not the file that was judged.")


def _signature(given: object) -> Signature | None:
    """What a signature says of named columns; None for whole matrices, other kinds, or nonsense."""
    if not isinstance(given, dict):
        return None
    try:
        inputs = _tensors(given.get("inputs"))
        outputs = _tensors(given["outputs"], named=False) if given.get("outputs") else ()
        return Signature(inputs, outputs) if inputs else None
    except (ValueError, RecursionError):
        return None


def _tensors(text: object, *, named: bool = True) -> tuple[Tensor, ...]:
    """Raises SignatureError, and ValueError for what is no JSON."""
    columns = json.loads(text) if isinstance(text, str) and len(text) <= MAX_BYTES else None
    if not isinstance(columns, list) or len(columns) > MAX_COLUMNS:
        raise SignatureError("A signature is a list of columns.")
    tensors = []
    for index, column in enumerate(columns):
        if not isinstance(column, dict):
            raise SignatureError("A column is an object.")
        name = column.get("name")
        if not named:
            name = name or f"output-{index}"
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or any(ord(sign) < 32 for sign in name):
            raise SignatureError("A column needs a name.")
        tensors.append(Tensor(name, _datatype(column, named), required=column.get("required", True) is not False))
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise SignatureError("Two columns have the same name.")
    return tuple(tensors)


def _datatype(column: dict[str, Any], named: bool) -> str:
    spec = column.get("tensor-spec")
    if isinstance(spec, dict):
        shape, element = spec.get("shape"), spec.get("dtype")
        if named and shape not in ([-1], [-1, 1]):
            raise SignatureError("An input is one value a row.")
        kind = _ELEMENTS.get(element if isinstance(element, str) else "")
    else:
        word = column.get("type")
        kind = _TYPES.get(word if isinstance(word, str) else "")
    if kind is None:
        raise SignatureError("A column has a type that is not served.")
    return kind
