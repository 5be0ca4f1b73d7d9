"""Judges an ONNX file by walking its protocol buffer messages: operators of the standard alone, everything inside.

External data would let a model name other files of the machine; operators of other domains, functions and
training parts would need code or paths that are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from workers.inspection.allowed import ONNX_DOMAINS, ONNX_TYPES
from workers.inspection.files import Refused
from workers.inspection.protobuf import LENGTH, VARINT, Field, Malformed, Reader

MAX_DEPTH = 32
_NEWEST_IR = 64
# Numbers of fields that hold plain numbers, which say nothing here: of an attribute, of a tensor.
_ATTRIBUTE_LISTS = frozenset({7, 8})
_TENSOR_LISTS = frozenset({1, 4, 5, 7})
_DATATYPES = {1: "FP32", 11: "FP64", 7: "INT64", 6: "INT32", 9: "BOOL", 8: "BYTES"}


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the graph: its V2 datatype, and how many columns it takes (None: not fixed)."""

    name: str
    datatype: str
    columns: int | None


@dataclass(slots=True)
class Graph:
    """What a walk has found."""

    inputs: list[Input] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    nodes: int = 0


def onnx_read(file: IO[bytes], size: int) -> list[Input]:
    """The inputs that a caller of the model gives. Raises Refused."""
    try:
        return _model(Reader(file, size), size)
    except Malformed as error:
        raise Refused(f"The file is not an ONNX model. {error}") from None


def _model(reader: Reader, size: int) -> list[Input]:
    graph = Graph()
    ir, graphs, operators = 0, 0, 0
    for one in reader.fields(0, size):
        if one.number == 1:
            reader.expect(one, VARINT)
            ir = one.value
        elif one.number == 7:
            graphs += 1
            _graph(reader, one, graph, 1, outer=True)
        elif one.number == 8:
            operators += 1
            _operator_set(reader, one)
        elif one.number in (20, 25):
            raise Refused("The ONNX model holds functions or training parts of its own, which are not looked into.")
        elif one.number > 26:
            raise Malformed("It has fields that ONNX does not know.")
    if not 1 <= ir <= _NEWEST_IR or graphs != 1 or not operators or not graph.nodes:
        raise Malformed("It holds no graph.")
    return [one for one in graph.inputs if one.name not in graph.held]


def _domain(reader: Reader, one: Field) -> None:
    domain = reader.text(one)
    if domain not in ONNX_DOMAINS:
        raise Refused(f"The ONNX model uses operators of {domain[:80]!r}, which are not on Fairway's list.")


def _operator_set(reader: Reader, message: Field) -> None:
    reader.expect(message, LENGTH)
    for one in reader.fields(message.start, message.end):
        if one.number == 1:
            _domain(reader, one)


def _graph(reader: Reader, message: Field, found: Graph, depth: int, *, outer: bool = False) -> None:
    if depth > MAX_DEPTH:
        raise Refused("The ONNX model is nested too deeply.")
    reader.expect(message, LENGTH)
    for one in reader.fields(message.start, message.end):
        if one.number == 1:
            found.nodes += 1
            _node(reader, one, found, depth + 1)
        elif one.number == 5:
            name = _tensor(reader, one)
            if outer:
                found.held.add(name)
        elif one.number == 15:
            _sparse(reader, one)
        elif one.number == 11 and outer:
            found.inputs.append(_input(reader, one))


def _node(reader: Reader, message: Field, found: Graph, depth: int) -> None:
    reader.expect(message, LENGTH)
    for one in reader.fields(message.start, message.end):
        if one.number == 7:
            _domain(reader, one)
        elif one.number == 5:
            _attribute(reader, one, found, depth + 1)


def _attribute(reader: Reader, message: Field, found: Graph, depth: int) -> None:
    reader.expect(message, LENGTH)
    for one in reader.fields(message.start, message.end, _ATTRIBUTE_LISTS):
        if one.number in (5, 10):
            _tensor(reader, one)
        elif one.number in (6, 11):
            _graph(reader, one, found, depth + 1)
        elif one.number in (22, 23):
            _sparse(reader, one)


def _sparse(reader: Reader, message: Field) -> None:
    reader.expect(message, LENGTH)
    for one in reader.fields(message.start, message.end):
        if one.number in (1, 2):
            _tensor(reader, one)


def _tensor(reader: Reader, message: Field) -> str:
    """The tensor's name. Raises Refused when it keeps its numbers somewhere else."""
    reader.expect(message, LENGTH)
    name = ""
    for one in reader.fields(message.start, message.end, _TENSOR_LISTS):
        if one.number == 8:
            name = reader.text(one)
        elif one.number == 13 or (one.number == 14 and (one.wire != VARINT or one.value != 0)):
            raise Refused("The ONNX model keeps data in other files, which is not allowed.")
    return name


def _input(reader: Reader, message: Field) -> Input:
    reader.expect(message, LENGTH)
    name, kind, columns = "", 0, list[int | None]()
    for one in reader.fields(message.start, message.end):
        if one.number == 1:
            name = reader.text(one)
        elif one.number == 2:
            kind, columns = _type(reader, one)
    if kind not in ONNX_TYPES or len(columns) not in (1, 2):
        raise Refused(f"The ONNX model's input {name[:80]!r} is not one number or text a row, or a row of them.")
    return Input(name, _DATATYPES[kind], 1 if len(columns) == 1 else columns[1])


def _type(reader: Reader, message: Field) -> tuple[int, list[int | None]]:
    """(element type, size of each dimension); (0, []) for what is no tensor."""
    reader.expect(message, LENGTH)
    kind, sizes = 0, list[int | None]()
    for tensor in reader.fields(message.start, message.end):
        if tensor.number != 1:
            continue
        reader.expect(tensor, LENGTH)
        for one in reader.fields(tensor.start, tensor.end):
            if one.number == 1:
                reader.expect(one, VARINT)
                kind = one.value
            elif one.number == 2:
                sizes = _shape(reader, one)
    return kind, sizes


def _shape(reader: Reader, message: Field) -> list[int | None]:
    reader.expect(message, LENGTH)
    sizes: list[int | None] = []
    for dimension in reader.fields(message.start, message.end):
        if dimension.number != 1:
            continue
        reader.expect(dimension, LENGTH)
        size = None
        for one in reader.fields(dimension.start, dimension.end):
            if one.number == 1:
                reader.expect(one, VARINT)
                size = one.value
        sizes.append(size)
        if len(sizes) > 16:
            raise Malformed("An input has too many dimensions.")
    return sizes
