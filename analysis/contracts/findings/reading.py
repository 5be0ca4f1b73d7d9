"""Reading the parts of the findings: dataclasses whose plain fields are checked for their types."""

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Any, Final, TypeVar

from analysis.contracts.report import Estimate

Json = dict[str, Any]
T = TypeVar("T")


class FindingsError(ValueError):
    """Findings that are not of the documented shape."""


_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
}


def made(cls: type[T], data: Mapping[str, Any]) -> T:
    """The dataclass, its plain fields checked for their types. Raises FindingsError."""
    known = {one.name: str(getattr(one.type, "__name__", one.type)) for one in fields(cls)}  # type: ignore[arg-type]
    for name, value in data.items():
        if name not in known:
            raise FindingsError(f"{cls.__name__} has no {name}")
        parts = known[name].split(" | ")
        kinds = [kind for part in parts for kind in _KINDS.get(part, ())] if _KINDS.keys() >= set(parts) else []
        if kinds and (not isinstance(value, tuple(kinds)) or (isinstance(value, bool) and bool not in kinds)):
            raise FindingsError(f"{cls.__name__} has a {name} of the wrong type")
        if isinstance(value, float) and not isfinite(value):
            raise FindingsError(f"{cls.__name__} has a {name} that is not finite")
    return cls(**data)


def estimate_read(data: Json) -> Estimate:
    """A number with its interval. Raises FindingsError, ReportError."""
    return made(Estimate, data)


def texts_read(values: Any, name: str) -> tuple[str, ...]:
    """A list of texts. Raises FindingsError."""
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise FindingsError(f"{name} is a list of texts")
    return tuple(values)


def plain(value: Any) -> Any:
    """Tuples as lists, keys as texts: what JSON holds."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
