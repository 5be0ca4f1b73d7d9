"""Writes Parquet for a process that loads no data library: `python -m workers.runner.parquet`.

Standard input is lines of JSON: first [[name, "number" | "text" | "moment"], ...], then a list of rows a line, moments
in milliseconds since 1970. Standard output is the file, a group of rows for each line.
"""

import json
import os
import sys
from typing import IO, Any

from workers.contracts.jobspec import PROJECT_ROOT
from workers.sandbox import SandboxPolicy, readable_paths, sandbox_apply

_MIB = 1024**2
POLICY: dict[str, Any] = {"cpu_seconds": 300, "data_bytes": 1024 * _MIB, "file_bytes": 2048 * _MIB, "open_files": 64}


def table_write(source: IO[bytes], target: IO[bytes]) -> None:
    """Lines of JSON to a Parquet file, in the memory of one line. Raises ValueError and pyarrow's errors."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    types = {"number": pa.float64(), "text": pa.string(), "moment": pa.timestamp("ms", tz="UTC")}
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in json.loads(source.readline())])
    with parquet.ParquetWriter(target, schema) as writer:
        for line in source:
            rows = json.loads(line)
            columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
            arrays = [pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def main() -> int:
    """Writes the file; 3 when it cannot be written."""
    import pyarrow.parquet  # noqa: F401 - before the sandbox: it looks into places that a writer need not see

    read = readable_paths(*(PROJECT_ROOT / package for package in ("workers", "analysis")))
    sandbox_apply(SandboxPolicy(read=read, write=(), connect_ports=(), **POLICY))
    try:
        table_write(sys.stdin.buffer, sys.stdout.buffer)
    except Exception as error:  # noqa: BLE001 - whoever asked is told by the exit code
        sys.stderr.write(f"{type(error).__name__}: {str(error)[:300]}\n")
        return 3
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # as in `workers.runner.peek`
