"""Writes the canonical table: typed Parquet in the upload's row order, with the row number in `__row__`.

Memory stays bounded: text tables are read twice in blocks (once for the types, once for the values), never
whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from analysis.split import ROW
from workers.runner.errors import BadInput
from workers.runner.tables.sniff import DELIMITERS, content_check, header_read, names_check, text_check
from workers.runner.tables.split_json import split_batches, split_read
from workers.runner.tables.types import ARROW, TypeFinder, arrow_convert, clean, convert, word_of

if TYPE_CHECKING:
    from workers.runner.job import Job

BLOCK_BYTES = 8 * 1024 * 1024
BATCH_ROWS = 65_536
GROUP_ROWS = 131_072
# Parquet packs repeated values into almost nothing: beyond the first figure, more than so many times the file's bytes
# is no table that somebody gathered.
UNPACKED_FREE = 4 * 1024**3
UNPACKED_TIMES = 200


@dataclass(frozen=True, slots=True)
class CanonicalFacts:
    """What was written: the columns with their types, in order, and the number of rows."""

    types: dict[str, str]
    rows: int


def canonical_write(source: Path, format_: str, target: Path) -> CanonicalFacts:
    """Reads an upload and writes the canonical table. Raises BadInput with line and column where they are
    known.
    """
    content_check(source, format_)
    if format_ == "parquet":
        return _parquet(source, target)
    if format_ == "json":
        names, rows_held = split_read(source)
        return _typed(names, target, lambda: split_batches(names, rows_held))
    text_check(source)
    names = header_read(source, format_)
    return _typed(names, target, lambda: _text_batches(source, format_, names))


def _typed(names: list[str], target: Path, batches: Callable[[], Iterator[pa.RecordBatch]]) -> CanonicalFacts:
    """Write text columns with the types that all their values have; the batches are walked twice."""
    finders = [TypeFinder() for _ in names]
    rows = 0
    for batch in batches():
        rows += batch.num_rows
        for finder, column in zip(finders, batch.columns, strict=True):
            finder.feed(clean(column))
    if rows == 0:
        raise BadInput("NO_ROWS", "The file has a header line, but no row below it.", 2, None)
    types = {name: finder.type() for name, finder in zip(names, finders, strict=True)}

    def converted() -> Iterator[dict[str, Any]]:
        for batch in batches():
            yield {name: convert(clean(column), types[name]) for name, column in zip(names, batch.columns, strict=True)}

    return CanonicalFacts(types, _write(target, types, converted()))


def _text_batches(source: Path, format_: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Blocks of rows with every column as text. Raises BadInput for a row that has more or fewer fields."""
    ragged: list[Any] = []

    def invalid(row: Any) -> str:
        ragged.append(row)
        return "error"

    try:
        reader = pyarrow.csv.open_csv(
            source,
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=1
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=DELIMITERS[format_], newlines_in_values=True, invalid_row_handler=invalid
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                strings_can_be_null=False,
                check_utf8=True,
            ),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        if ragged:
            raise _ragged(ragged[0], len(names)) from error
        if "Empty CSV" in str(error):
            raise BadInput("NO_ROWS", "The file has a header line, but no row below it.", 2, None) from error
        if "block" in str(error):
            message = "A quote is opened and not closed again, or one row is longer than 8 MB."
            raise BadInput("QUOTE", message) from error
        raise BadInput("UNREADABLE", f"The file cannot be read as a table: {error}"[:300]) from error


def _ragged(row: Any, expected: int) -> BadInput:
    line = int(row.number) if row.number is not None and row.number > 0 else None
    found = int(row.actual_columns)
    where = f"Line {line}" if line else "A line"
    message = f"{where} has {found} fields, the header has {expected}."
    return BadInput("RAGGED_ROW", message, line, min(found, expected) + 1)


def _parquet(source: Path, target: Path) -> CanonicalFacts:
    try:
        file = pq.ParquetFile(source)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise BadInput("BAD_PARQUET", f"The Parquet file cannot be read: {error}"[:300]) from error
    names = names_check([name for name in schema.names if name != "__index_level_0__"])
    types: dict[str, str] = {}
    for index, name in enumerate(names, start=1):
        word = word_of(schema.field(name).type)
        if word is None:
            kind = schema.field(name).type
            message = f'Column {index}, "{name}", is of type {kind}; tables hold numbers, text, truth values and dates.'
            raise BadInput("COLUMN_TYPE", message, None, index)
        types[name] = word
    if file.metadata.num_rows == 0:
        raise BadInput("NO_ROWS", "The file has columns, but no row.")

    most = max(UNPACKED_FREE, UNPACKED_TIMES * source.stat().st_size)

    def converted() -> Iterator[dict[str, Any]]:
        unpacked = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
            unpacked += batch.nbytes
            if unpacked > most:
                raise BadInput(
                    "BOMB",
                    f"The file unpacks to more than {most / 1024**3:.3g} GiB, "
                    f"{unpacked // source.stat().st_size} times "
                    "its own size; no table of observations does. Take out the columns that repeat one value.",
                )
            yield {name: arrow_convert(batch.column(name), types[name]) for name in names}

    try:
        return CanonicalFacts(types, _write(target, types, converted()))
    except (pa.ArrowException, OSError) as error:
        raise BadInput("BAD_PARQUET", f"The Parquet file cannot be read: {error}"[:300]) from error


def _write(target: Path, types: Mapping[str, str], blocks: Iterator[dict[str, Any]]) -> int:
    fields = [pa.field(name, ARROW[word]) for name, word in types.items()]
    schema = pa.schema([*fields, pa.field(ROW, pa.int64(), nullable=False)])
    rows = 0
    held: list[pa.Table] = []
    waiting = 0
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for block in blocks:
            count = len(next(iter(block.values())))
            numbers = pa.array(range(rows, rows + count), pa.int64())
            held.append(pa.table([*block.values(), numbers], schema=schema))
            rows += count
            waiting += count
            if waiting >= GROUP_ROWS:
                writer.write_table(pa.concat_tables(held))
                held, waiting = [], 0
        if held:
            writer.write_table(pa.concat_tables(held))
    return rows


def canonical_of(job: "Job", table: Mapping[str, Any]) -> Path:
    """The canonical table behind a spec's `table`: as it is when it is one, else made from the upload."""
    path = job.fetch(table, f"table-{str(table['sha256'])[:16]}")
    if table["format"] == "parquet":
        content_check(path, "parquet")
        if ROW in pq.read_schema(path).names:
            return path
    target = path.with_suffix(".canonical")
    if not target.exists():
        canonical_write(path, str(table["format"]), target)
    return target
