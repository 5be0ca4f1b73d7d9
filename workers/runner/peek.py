"""The first rows of a Parquet file, read in a process of its own: the web starts it, so that a hostile file meets a
process without secrets, network or rights. `python -m workers.runner.peek` reads its standard input, which must be a
file, and prints {"columns": [[name, type], ...], "rows": [[text or null, ...], ...], "count": rows in the file}.
"""

import json
import os
import sys
from typing import Any

from workers.contracts.jobspec import PROJECT_ROOT
from workers.contracts.tables import CELL, COLUMNS, ROWS
from workers.sandbox import SandboxPolicy, readable_paths, sandbox_apply

_MIB = 1024**2
POLICY: dict[str, Any] = {"cpu_seconds": 8, "data_bytes": 1024 * _MIB, "file_bytes": 0, "open_files": 64}


def table_head(source: Any) -> dict[str, Any]:
    """The first 200 rows and 60 columns of an open Parquet file as text, each cell cut to 200 characters.

    Raises pyarrow's errors for a file that is none.
    """
    import pyarrow.parquet as parquet

    file = parquet.ParquetFile(source, pre_buffer=False)
    fields = [file.schema_arrow.field(place) for place in range(min(COLUMNS, len(file.schema_arrow)))]
    batch = next(file.iter_batches(ROWS, columns=[field.name for field in fields], use_threads=False), None)
    values = [] if batch is None else [column.to_pylist() for column in batch.columns[: len(fields)]]
    return {
        "columns": [[str(field.name)[:CELL], str(field.type)[:CELL]] for field in fields],
        "rows": [[None if cell is None else str(cell)[:CELL] for cell in row] for row in zip(*values, strict=True)],
        "count": file.metadata.num_rows,
        "width": len(file.schema_arrow),
    }


def main() -> int:
    """Prints the head; 3 when the file cannot be read."""
    import pyarrow.parquet  # before the sandbox: it looks into places that a reader need not see

    read = readable_paths(*(PROJECT_ROOT / package for package in ("workers", "analysis")))
    sandbox_apply(SandboxPolicy(read=read, write=(), connect_ports=(), **POLICY))
    try:
        head = table_head(pyarrow.PythonFile(sys.stdin.buffer, mode="r"))
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes a parser raise
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        return 3
    sys.stdout.write(json.dumps(head))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the library's own threads are not always ready to end, and then abort the process
