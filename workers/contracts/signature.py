"""The tensor signature of a model in the words of the Open Inference Protocol V2; the check of a request.

Standard library only: the web builds forms from it, the gateway checks requests with it, the child writes it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
FLOATS = ("FP16", "FP32", "FP64")
DATATYPES = ("BOOL", *INTEGERS, *FLOATS, "BYTES")
MAX_ROWS = 10_000
MAX_TEXT = 10_000
_INTEGER_RANGE = {
    name: (0, 2 ** int(name[4:]) - 1)
    if name.startswith("U")
    else (-(2 ** (int(name[3:]) - 1)), 2 ** (int(name[3:]) - 1) - 1)
    for name in INTEGERS
}


class SignatureError(ValueError):
    """A request that does not fit the signature. `field` names the input; empty: the whole request."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named input or output, one value a row (`width` values a row for class probabilities).

    `required`: a row must have a value; otherwise null, or leaving the input out, means missing. `levels`:
    the values seen in training, for forms; another one is accepted: the preprocessing handles unknown ones.
    """

    name: str
    datatype: str
    required: bool = True
    levels: tuple[Any, ...] | None = None
    width: int = 1

    def __post_init__(self) -> None:
        if self.datatype not in DATATYPES:
            raise SignatureError(f"{self.datatype!r} is not a V2 datatype.", self.name)

    def to_json(self) -> dict[str, Any]:
        """The contract form, with the shape that the V2 metadata call shows."""
        return {
            "name": self.name,
            "datatype": self.datatype,
            "shape": [-1] if self.width == 1 else [-1, self.width],
            "required": self.required,
            "levels": list(self.levels) if self.levels is not None else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tensor":
        """The tensor written by `to_json`. Raises SignatureError when it is not one."""
        name, datatype = data.get("name"), data.get("datatype")
        if not isinstance(name, str) or not name or not isinstance(datatype, str):
            raise SignatureError("A tensor needs a name and a datatype.")
        shape, levels = data.get("shape"), data.get("levels")
        width = int(shape[1]) if isinstance(shape, list) and len(shape) == 2 else 1
        return cls(
            name,
            datatype,
            bool(data.get("required", True)),
            tuple(levels) if isinstance(levels, list) else None,
            width,
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of a model, in the model's own order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def to_json(self) -> dict[str, Any]:
        """The contract form of ModelFacts.signature."""
        return {"inputs": [t.to_json() for t in self.inputs], "outputs": [t.to_json() for t in self.outputs]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Signature":
        """The signature written by `to_json`. Raises SignatureError."""
        inputs, outputs = data.get("inputs"), data.get("outputs", [])
        if not isinstance(inputs, list) or not isinstance(outputs, list):
            raise SignatureError("A signature needs a list of inputs and a list of outputs.")
        signature = cls(tuple(Tensor.from_json(t) for t in inputs), tuple(Tensor.from_json(t) for t in outputs))
        names = [t.name for t in signature.inputs]
        if len(set(names)) != len(names):
            raise SignatureError("Two inputs of a signature have the same name.")
        return signature


def _shape_rows(name: str, shape: object) -> int:
    """Rows of a request tensor; shapes [n] and [n, 1] are the same thing."""
    if (
        not isinstance(shape, list)
        or len(shape) not in (1, 2)
        or not all(isinstance(part, int) and not isinstance(part, bool) and part >= 0 for part in shape)
        or (len(shape) == 2 and shape[1] != 1)
    ):
        raise SignatureError(f'The shape of "{name}" must be [rows] or [rows, 1].', name)
    return int(shape[0])


def _flat(name: str, data: object) -> list[Any]:
    if not isinstance(data, list):
        raise SignatureError(f'The data of "{name}" must be a list.', name)
    if any(isinstance(value, list) for value in data):
        flat: list[Any] = []
        for value in data:
            if not isinstance(value, list) or len(value) != 1 or isinstance(value[0], list):
                raise SignatureError(f'The data of "{name}" must be a flat list, or a list of one-value rows.', name)
            flat.append(value[0])
        return flat
    return data


def value_clean(tensor: Tensor, value: object, row: int | None = None) -> Any:
    """One value as the model takes it: float, int, bool, text, None. Raises SignatureError."""
    where = f'"{tensor.name}"' + (f" in row {row + 1}" if row is not None else "")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if tensor.required:
            raise SignatureError(f"{where} has no value, and this model needs one.", tensor.name)
        return None
    if tensor.datatype == "BOOL":
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        raise SignatureError(f"{where} must be true or false.", tensor.name)
    if tensor.datatype == "BYTES":
        if not isinstance(value, str):
            raise SignatureError(f"{where} must be text.", tensor.name)
        if len(value) > MAX_TEXT:
            raise SignatureError(f"{where} is longer than {MAX_TEXT} characters.", tensor.name)
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SignatureError(f"{where} must be a number.", tensor.name)
    if isinstance(value, float) and math.isinf(value):
        raise SignatureError(f"{where} must be a finite number.", tensor.name)
    if tensor.datatype in INTEGERS:
        if isinstance(value, float) and not value.is_integer():
            raise SignatureError(f"{where} must be a whole number.", tensor.name)
        low, high = _INTEGER_RANGE[tensor.datatype]
        if not low <= value <= high:
            raise SignatureError(f"{where} must lie between {low} and {high}.", tensor.name)
        return int(value)
    try:
        return float(value)
    except OverflowError:
        raise SignatureError(f"{where} must be a finite number.", tensor.name) from None


def datatype_fits(tensor: Tensor, datatype: object) -> bool:
    """May values of that V2 datatype be given for the input? Each value is judged by itself afterwards."""
    if datatype == tensor.datatype:
        return True
    number = datatype in INTEGERS or datatype in FLOATS
    if tensor.datatype in FLOATS or tensor.datatype in INTEGERS:
        return number
    return tensor.datatype == "BOOL" and datatype in INTEGERS


def inputs_clean(signature: Signature, inputs: object) -> tuple[int, dict[str, list[Any]]]:
    """(rows, one list of values for each input of the signature) from a V2 request's `inputs` with JSON data.

    Inputs that are not required may be left out. Raises SignatureError naming the wrong or missing field.
    """
    if not isinstance(inputs, list) or not inputs:
        raise SignatureError('The request needs "inputs": a list of tensors with name, shape, datatype and data.')
    by_name = {tensor.name: tensor for tensor in signature.inputs}
    columns: dict[str, list[Any]] = {}
    rows: int | None = None
    for given in inputs:
        if not isinstance(given, dict) or not isinstance(given.get("name"), str):
            raise SignatureError("Each input must be an object with a name.")
        name = given["name"]
        tensor = by_name.get(name)
        if tensor is None:
            raise SignatureError(f'This model has no input "{name}".', name)
        if name in columns:
            raise SignatureError(f'The input "{name}" is given twice.', name)
        if not datatype_fits(tensor, given.get("datatype")):
            raise SignatureError(
                f'"{name}" has datatype {given.get("datatype")!r}; this model takes {tensor.datatype}.', name
            )
        count, data = _shape_rows(name, given.get("shape")), _flat(name, given.get("data"))
        if len(data) != count:
            raise SignatureError(f'"{name}" says {count} rows but holds {len(data)} values.', name)
        if rows is None:
            rows = count
        elif count != rows:
            raise SignatureError(f'"{name}" has {count} rows, the inputs before it {rows}.', name)
        if count > MAX_ROWS:
            raise SignatureError(f"A request may hold at most {MAX_ROWS} rows.", name)
        columns[name] = [value_clean(tensor, value, index if count > 1 else None) for index, value in enumerate(data)]
    if not rows:
        raise SignatureError("The request holds no row.")
    for tensor in signature.inputs:
        if tensor.name not in columns:
            if tensor.required:
                raise SignatureError(f'The input "{tensor.name}" is missing.', tensor.name)
            columns[tensor.name] = [None] * rows
    return rows, {tensor.name: columns[tensor.name] for tensor in signature.inputs}


def records_clean(signature: Signature, records: object) -> tuple[int, dict[str, list[Any]]]:
    """The same for a list of row objects, as MLflow's `dataframe_records` and the "try it" form send them.

    Unknown names are refused, so that a misspelt optional field cannot pass unseen. Raises SignatureError.
    """
    if not isinstance(records, list) or not records or not all(isinstance(row, dict) for row in records):
        raise SignatureError("The request needs a list of rows, each an object of field names and values.")
    if len(records) > MAX_ROWS:
        raise SignatureError(f"A request may hold at most {MAX_ROWS} rows.")
    names = {tensor.name for tensor in signature.inputs}
    for row in records:
        for name in row:
            if name not in names:
                raise SignatureError(f'This model has no input "{name}".', str(name))
    many = len(records) > 1
    columns: dict[str, list[Any]] = {}
    for tensor in signature.inputs:
        values = []
        for index, row in enumerate(records):
            if tensor.name not in row and tensor.required:
                raise SignatureError(f'The input "{tensor.name}" is missing.', tensor.name)
            values.append(value_clean(tensor, row.get(tensor.name), index if many else None))
        columns[tensor.name] = values
    return len(records), columns


def split_clean(
    signature: Signature, columns: Sequence[Any], data: Sequence[Any], field: str = ""
) -> tuple[int, dict[str, list[Any]]]:
    """The same for column names and rows of values (MLflow's `dataframe_split`). Raises SignatureError; `field` is
    where the rows stand in the body, for a row that does not have its number of values.
    """
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
        raise SignatureError("The column names must be texts, each once.")
    rows = []
    for index, values in enumerate(data):
        if not isinstance(values, list) or len(values) != len(columns):
            at = f"{field}[{index}]" if field else ""
            raise SignatureError(f"Row {index + 1} does not have {len(columns)} values.", at)
        rows.append(dict(zip(columns, values, strict=True)))
    return records_clean(signature, rows)


def datatype_of_column(column_type: str) -> str:
    """The V2 datatype of a profile's column type (INTEGER, NUMBER, BOOLEAN, STRING, DATE, DATETIME)."""
    return {"INTEGER": "INT64", "NUMBER": "FP64", "BOOLEAN": "BOOL"}.get(column_type, "BYTES")
