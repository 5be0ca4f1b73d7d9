"""Stable 64-bit hashes of values and of whole rows: the same on every machine and in every version.

Numbers by their value, so that 3 and 3.0 are the same and -0.0 is 0; texts by BLAKE2b of their UTF-8 bytes (RFC 7693);
the parts of a row are mixed with the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Among a million rows
against a million others, two different rows share a fingerprint with a chance of about 5 in 100 million. Not a secret:
who knows the values can make the hash.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Hashes: TypeAlias = npt.NDArray[np.uint64]

NULL_HASH: Final = np.uint64(0x6A09E667F3BCC908)
"""Hash of a missing value: the fraction of the square root of 2, a number with nothing up its sleeve."""
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_WHOLE: Final = 2**53


def mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64: neighbouring numbers become unrelated ones, different numbers stay different."""
    mixed = values + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def values_hash(values: Sequence[object] | npt.NDArray[np.generic]) -> Hashes:
    """One hash per value [n], for ids and other plain values; whole numbers, numbers, truth values or texts."""
    given = np.asarray(values)
    if given.dtype.kind in "iub":
        return mix(_whole(given))
    if given.dtype.kind == "f":
        return _numbers(given.astype(np.float64))
    texts = [str(one) for one in given.tolist()]
    return np.fromiter((_text(one) for one in texts), np.uint64, len(texts))


def rows_hash(table: pa.Table, columns: Sequence[str] | None = None) -> Hashes:
    """One fingerprint per row [n] of the values of `columns` (all by default), which are taken in the order of their
    names, so that the order in the file does not matter.

    Raises KeyError for a column that is not there.
    """
    names = sorted(table.column_names if columns is None else columns)
    found = np.zeros(table.num_rows, np.uint64)
    for name in names:
        found = mix(found ^ mix(_column(table[name]) + np.uint64(_text(name))))
    return found


def _text(value: str) -> int:
    return int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _whole(values: npt.NDArray[Any]) -> Hashes:
    """Bits of a whole number: those of the same float where there is one, so that 3 equals 3.0."""
    if values.dtype.kind == "b":
        return values.astype(np.float64).view(np.uint64)
    bits = values.astype(np.float64).view(np.uint64)
    plain = (values >= -_WHOLE) & (values <= _WHOLE)
    return bits if plain.all() else np.where(plain, bits, values.astype(np.uint64, casting="unsafe"))


def _numbers(values: npt.NDArray[np.float64]) -> Hashes:
    known = np.isfinite(values) | np.isinf(values)
    bits = np.where(known & (values != 0), values, 0.0).view(np.uint64)
    return np.where(known, mix(bits), NULL_HASH)


def _column(column: pa.ChunkedArray) -> Hashes:
    kind = column.type
    missing = np.asarray(pc.is_null(column).to_numpy(), np.bool_)
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_boolean(kind):
        found = mix(_whole(pc.fill_null(column, False).to_numpy()))
    elif pa.types.is_integer(kind):
        found = mix(_whole(pc.fill_null(column, 0).to_numpy()))
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = _numbers(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy())
    else:
        found = _distinct(column)
    return np.where(missing, NULL_HASH, found)


def _distinct(column: pa.ChunkedArray) -> Hashes:
    """Each different value is hashed once, as text."""
    if column.num_chunks == 0 or len(column) == 0:
        return np.zeros(0, np.uint64)
    encoded: Any = pc.dictionary_encode(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    levels = [_text(str(one)) for one in encoded.dictionary.to_pylist()]
    table: Hashes = np.asarray([*levels, 0], np.uint64)
    found: Hashes = table.take(pc.fill_null(encoded.indices, len(levels)).to_numpy())
    return found
