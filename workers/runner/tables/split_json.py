"""Tables as MLflow's client logs them: JSON with "columns" and "data", a list of rows ("split" as pandas calls it)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from workers.runner.errors import BadInput
from workers.runner.tables.sniff import names_check

MOST_BYTES = 256 * 1024**2
BATCH = 20_000
SHAPE = 'The file is no table of an MLflow evaluation: those are JSON with "columns" and "data".'


def split_read(path: Path) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns and the rows. Raises BadInput for everything else than such a table."""
    if path.stat().st_size > MOST_BYTES:
        raise BadInput("TOO_LARGE", f"A table as JSON may have at most {MOST_BYTES // 1024**2} MiB; log it as Parquet.")
    try:
        found = json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput("ENCODING", "The file is not written in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise BadInput("JSON", f"The file is no JSON: {error.msg}.", error.lineno, error.colno) from error
    except RecursionError as error:
        raise BadInput("JSON", "The file nests too deeply for a table.") from error
    if not isinstance(found, dict) or not isinstance(found.get("columns"), list):
        raise BadInput("SHAPE", SHAPE)
    rows = found.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise BadInput("SHAPE", SHAPE)
    names = names_check([str(name) for name in found["columns"]])
    if not rows:
        raise BadInput("NO_ROWS", "The table has columns, but no row.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise BadInput("RAGGED_ROW", f"Row {number} has {len(row)} values, the table {len(names)} columns.", number)
    return names, rows


def split_batches(names: list[str], rows: list[list[Any]]) -> Iterator[pa.RecordBatch]:
    """Blocks of rows with every column as text, so that types are found as those of any other text table."""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        columns = [pa.array([_text(row[place]) for row in part], pa.string()) for place in range(len(names))]
        yield pa.RecordBatch.from_arrays(columns, names=names)


def _text(value: Any) -> str:
    """As the value would stand in a CSV; lists and objects stay JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value) if value == value else ""
    text = value if isinstance(value, str) else json.dumps(value)
    # What JSON can escape and UTF-8 cannot hold.
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
