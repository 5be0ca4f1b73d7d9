"""The deterministic split of a table: the same row lands in the same part on every machine, for ever."""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analysis.contracts.segments import PARTS, SplitSpec

ROW: str = "__row__"
"""Column of a canonical table that holds the 0-based row number of the uploaded file."""


def split_keys(table: pa.Table, spec: SplitSpec) -> list[str]:
    """The text that decides each row's part: the column `by`, else the row number. Raises KeyError without
    it.

    A missing value counts as empty text, so that all such rows stay together.
    """
    if spec.by is not None:
        if spec.by not in table.column_names:
            raise KeyError(f"The split goes by the column {spec.by}, which the table does not have")
        return [text or "" for text in pc.cast(table[spec.by], pa.large_string()).to_pylist()]
    if ROW in table.column_names:
        return [str(number) for number in table[ROW].to_pylist()]
    return [str(number) for number in range(table.num_rows)]


def part_codes(keys: Iterable[str], spec: SplitSpec) -> npt.NDArray[np.int8]:
    """Index into PARTS for each key: first 8 bytes of sha256("seed:key") / 2**64 against the cumulative
    shares.

    About 1 second for a million keys.
    """
    prefix = f"{spec.seed}:".encode()
    digests = b"".join(sha256(prefix + key.encode()).digest()[:8] for key in keys)
    place = np.frombuffer(digests, dtype=">u8").astype(np.float64) / 2.0**64
    edges = np.cumsum(spec.fractions)[:-1]
    codes = np.searchsorted(edges, place, side="right")
    last = max(index for index, share in enumerate(spec.fractions) if share > 0)
    return np.minimum(codes, last).astype(np.int8)


def split_parts(table: pa.Table, spec: SplitSpec) -> npt.NDArray[np.int8]:
    """The part of each row of a table, as an index into PARTS."""
    return part_codes(split_keys(table, spec), spec)


def split_take(table: pa.Table, spec: SplitSpec, part: str) -> pa.Table:
    """The rows of one part, in their order. Raises ValueError for an unknown part."""
    if part not in PARTS:
        raise ValueError(f"A split has the parts {', '.join(PARTS)}, not {part}")
    return table.filter(pa.array(split_parts(table, spec) == PARTS.index(part)))
