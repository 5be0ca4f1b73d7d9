"""How much each row counts, and which rows of a ranking belong together, read from the evaluated table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workers.runner.answers import Floats, numbers_read, refuse
from workers.runner.errors import BadInput
from workers.runner.fitting.data import label_texts

NOTE = (
    "Each row counts by its number in “{name}”: {n} rows have the precision of {effective} that count alike. Fairness "
    "criteria count every row once."
)


def counting_columns(spec: Mapping[str, Any]) -> list[str]:
    """The columns of an evaluate spec that say how rows count."""
    return [str(spec[name]) for name in ("weight", "query") if spec.get(name)]


def weights_read(rows: pa.Table, spec: Mapping[str, Any]) -> Floats | None:
    """A number above 0 for each row, None where none are asked. Raises BadInput that names the first row without."""
    name = spec.get("weight")
    if not name:
        return None
    values = numbers_read(rows, str(name))
    refuse(rows, str(name), values <= 0, "is no weight above 0 in")
    return values


def weights_note(weights: Floats, name: str) -> str:
    """What a report says of its weights."""
    effective = float(weights.sum() ** 2 / np.square(weights).sum())
    return NOTE.format(name=name, n=weights.size, effective=round(effective))


def queries_read(rows: pa.Table, spec: Mapping[str, Any]) -> npt.NDArray[np.int64] | None:
    """The number of each row's query, None where none are asked. Raises BadInput for rows without one."""
    name = spec.get("query")
    if not name:
        return None
    texts = label_texts(rows[str(name)])
    refuse(rows, str(name), ~np.asarray(pc.is_valid(texts).to_numpy(zero_copy_only=False), dtype=bool), "is empty in")
    _, numbers = np.unique(np.asarray(texts.to_pylist(), dtype=np.str_), return_inverse=True)
    return numbers.astype(np.int64)


def relevance_check(rows: pa.Table, target: str, truth: Floats) -> None:
    """Raises BadInput for a relevance below 0, or when no item is relevant."""
    refuse(rows, target, ~(truth >= 0), "is no relevance of 0 or more in")
    if not (truth > 0).any():
        raise BadInput("ROWS", f'No row has a relevance above 0 in "{target}", so no order is better than another.')
