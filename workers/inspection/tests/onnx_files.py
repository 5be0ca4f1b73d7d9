"""Small ONNX files written byte by byte: the onnx package is not needed to make one, and none is installed."""

from __future__ import annotations

import struct
from collections.abc import Sequence

FLOAT, INT64, STRING = 1, 7, 8


def varint(value: int) -> bytes:
    """A number in seven-bit groups."""
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(number: int, data: bytes | int | str) -> bytes:
    """One field of a protocol buffer message."""
    if isinstance(data, int):
        return varint(number << 3) + varint(data)
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def value_info(name: str, columns: int, kind: int = FLOAT) -> bytes:
    """An input or output of [n, columns]."""
    shape = message(1, message(2, "n")) + message(1, message(1, columns))
    return message(1, name) + message(2, message(1, message(1, kind) + message(2, shape)))


def tensor(name: str, shape: Sequence[int], values: Sequence[float], extra: bytes = b"") -> bytes:
    """A float tensor."""
    dims = b"".join(message(1, size) for size in shape)
    return dims + message(2, FLOAT) + message(9, struct.pack(f"<{len(values)}f", *values)) + message(8, name) + extra


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], extra: bytes = b"") -> bytes:
    """One operator."""
    return (
        b"".join(message(1, name) for name in inputs)
        + b"".join(message(2, name) for name in outputs)
        + message(4, kind)
        + extra
    )


def model(graph: bytes, extra: bytes = b"", domain: str = "") -> bytes:
    """A model of one graph."""
    operators = (message(1, domain) if domain else b"") + message(2, 13)
    return message(1, 8) + message(7, graph) + message(8, operators) + extra


def linear(
    weights: Sequence[float] = (2.0, 3.0),
    *,
    tensor_extra: bytes = b"",
    node_extra: bytes = b"",
    graph_extra: bytes = b"",
    extra: bytes = b"",
    domain: str = "",
) -> bytes:
    """x[n, len(weights)] times the weights: y[n, 1]."""
    graph = message(1, node("MatMul", ["x", "w"], ["y"], node_extra)) + message(2, "g")
    graph += message(5, tensor("w", [len(weights), 1], weights, tensor_extra))
    graph += message(11, value_info("x", len(weights))) + message(12, value_info("y", 1)) + graph_extra
    return model(graph, extra, domain)


def logistic(weights: dict[str, float], bias: float) -> bytes:
    """One input a column, named: the probability of the second class, as [n, 1]."""
    graph, terms = b"", []
    for index, (name, weight) in enumerate(weights.items()):
        graph += message(1, node("Mul", [name, f"w{index}"], [f"t{index}"]))
        graph += message(5, tensor(f"w{index}", [1], [weight]))
        terms.append(f"t{index}")
    graph += message(1, node("Sum", [*terms, "bias"], ["margin"]))
    graph += message(1, node("Sigmoid", ["margin"], ["probability"]))
    graph += message(5, tensor("bias", [1], [bias])) + message(2, "g")
    for name in weights:
        graph += message(11, value_info(name, 1))
    return model(graph + message(12, value_info("probability", 1)))
