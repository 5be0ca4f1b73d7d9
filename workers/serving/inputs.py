"""A version's inputs: the shared signature check, and how each checked column travels to the host.

The rules of what is right live in `workers.contracts.signature` alone. Added here is only what the prediction
log needs: text that no database can hold (NUL, lone surrogates) is refused, because one such row would keep its
whole batch from being stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workers.contracts import signature as contract
from workers.contracts.signature import SignatureError
from workers.serving.frames import FLOATS, JSON
from workers.serving.problems import InputRefused

Columns = dict[str, list[Any]]


class Inputs:
    """A version's signature, parsed once. Raises SignatureError for a signature that is none."""

    def __init__(self, signature: Mapping[str, Any]) -> None:
        self.signature = contract.Signature.from_json(signature)
        self.names = [tensor.name for tensor in self.signature.inputs]
        self.kinds = [(tensor.name, JSON if tensor.datatype == "BYTES" else FLOATS) for tensor in self.signature.inputs]
        self._texts = [tensor.name for tensor in self.signature.inputs if tensor.datatype == "BYTES"]
        self.metadata = [
            {"name": tensor.name, "datatype": tensor.datatype, "shape": [-1]} for tensor in self.signature.inputs
        ]

    def cleaned(self, clean: Callable[..., tuple[int, Columns]], *given: object) -> tuple[int, Columns]:
        """Rows and columns as `clean`, one of the contract's checks, returns them. Raises InputRefused naming
        the field.
        """
        try:
            rows, columns = clean(self.signature, *given)
        except SignatureError as error:
            raise InputRefused(error.field, error.message) from None
        for name in self._texts:
            for value in columns[name]:
                if value is not None and not _storable(value):
                    raise InputRefused(name, f'"{name}" holds a character that is not valid text.')
        return rows, columns


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
