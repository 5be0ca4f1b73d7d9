"""The table that is scored, read in parts, and the file of its answers, written in parts: memory stays flat."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from analysis.split import ROW
from workers.contracts.scoring import BINS, CSV, PARQUET, RowRefused, ScoreResult
from workers.runner.tables.types import ARROW, word_of
from workers.serving.answers import BINARY, Answers, Scores

_FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet would take for the begin of a formula."""
_GROUP_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the table: the tensors of a request, the numbers of the rows, and what identifies them."""

    rows: int
    tensors: list[dict[str, Any]]
    numbers: list[int]
    identity: pa.Array | None


class TableRead:
    """A canonical table."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        schema = self._file.schema_arrow
        self.rows: int = self._file.metadata.num_rows
        self.types: dict[str, str] = {
            name: word_of(schema.field(name).type) or "" for name in schema.names if name != ROW
        }

    def empty(self, names: Iterable[str]) -> set[str]:
        """Those of the columns that hold no value at all; looked for among text, which is what such a column is."""
        found = {name for name in names if self.types.get(name) == "STRING"}
        for batch in self._file.iter_batches(65_536, columns=sorted(found)) if found else ():
            found = {name for name in found if batch.column(name).null_count == batch.num_rows}
            if not found:
                break
        return found

    def parts(self, datatypes: Mapping[str, str], identity: str | None, rows: int) -> Iterator[Part]:
        """The table in its order, `rows` at a time; `datatypes` are the columns that are asked about, and as what."""
        columns = list(dict.fromkeys([*datatypes, ROW, *([identity] if identity else [])]))
        for batch in self._file.iter_batches(rows, columns=columns, use_threads=False):
            yield Part(
                rows=batch.num_rows,
                tensors=[
                    {"name": name, "shape": [batch.num_rows], "datatype": kind, "data": batch.column(name).to_pylist()}
                    for name, kind in datatypes.items()
                ],
                numbers=batch.column(ROW).to_pylist(),
                identity=batch.column(identity) if identity else None,
            )


class ScoreWriter:
    """Writes the answers as Parquet and as CSV, row by row of the table; a context manager.

    Columns: `row` (the number in the table, from 0), the identifying column, then what the version answers (`label`,
    `decision` and `probability:<class>`, or `prediction`, or `score`), and `refused`: why a row has no answer.
    """

    def __init__(self, directory: Path, answers: Answers, types: Mapping[str, str], identity: str | None) -> None:
        self.identity = identity
        self.scored = 0
        self.refused = 0
        self._answers = answers
        self._path = directory / PARQUET
        numbers = [answers.number] if answers.number else [f"probability:{label}" for label in answers.labels]
        self._numbers = numbers
        self._counts = [0] * len(answers.labels)
        self._range = (float("inf"), float("-inf"))
        fields = [pa.field("row", pa.int64(), nullable=False)]
        if answers.labels:
            fields.append(pa.field("label", pa.string()))
        if answers.task == BINARY:
            fields.append(pa.field("decision", pa.bool_()))
        fields += [pa.field(name, pa.float64()) for name in numbers]
        fields.append(pa.field("refused", pa.string()))
        if identity is not None:
            taken = {field.name for field in fields}
            name = f"id:{identity}" if identity in taken else identity
            fields.insert(1, pa.field(name, ARROW[types[identity]]))
        self.schema = pa.schema(fields)
        shown = pa.schema([field.with_name(_set_off(field.name)) for field in fields])
        self._parquet = pq.ParquetWriter(self._path, self.schema, compression="zstd")
        self._csv = pyarrow.csv.CSVWriter(directory / CSV, shown)
        self._held: list[pa.Table] = []

    def __enter__(self) -> "ScoreWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._flush()
        self._parquet.close()
        self._csv.close()

    def part(
        self, part: Part, taken: Sequence[int], scores: Scores, chosen: Sequence[int], refused: Mapping[int, RowRefused]
    ) -> None:
        """The answers of the rows `taken` and the reasons of the others."""
        answers, width = self._answers, self._answers.width
        values = np.full((part.rows, width), np.nan)
        got = np.zeros(part.rows, dtype=bool)
        places = np.asarray(taken, dtype=np.int64)
        got[places] = True
        values[places] = np.frombuffer(scores.values, dtype=np.float64).reshape(-1, width)
        index = np.zeros(part.rows, dtype=np.int64)
        index[places] = chosen if answers.labels else 0
        without = pa.array(~got)
        columns: list[pa.Array] = [pa.array(part.numbers, pa.int64())]
        if part.identity is not None:
            columns.append(part.identity.cast(self.schema.field(1).type))
        if answers.labels:
            labels = pa.array(answers.labels, pa.string()).take(pa.array(index, mask=~got))
            columns.append(labels)
            for place, count in zip(*np.unique(index[got], return_counts=True), strict=True):
                self._counts[int(place)] += int(count)
        if answers.task == BINARY:
            columns.append(pa.array(index == answers.positive, mask=~got))
        columns += [pa.array(np.ascontiguousarray(values[:, place]), mask=~got) for place in range(width)]
        columns.append(
            pa.array([refused[row].why if row in refused else None for row in range(part.rows)], pa.string())
        )
        if len(taken):
            told = values[places][:, self._told]
            self._range = (min(self._range[0], float(told.min())), max(self._range[1], float(told.max())))
        self.scored += len(taken)
        self.refused += int(pc.sum(without).as_py() or 0)
        self._held.append(pa.table(columns, schema=self.schema))
        if sum(table.num_rows for table in self._held) >= _GROUP_ROWS:
            self._flush()

    @property
    def _told(self) -> int:
        """The place of the number whose histogram is told."""
        return self._answers.positive if self._answers.task == BINARY else 0

    def _flush(self) -> None:
        if not self._held:
            return
        table, self._held = pa.concat_tables(self._held), []
        self._parquet.write_table(table, row_group_size=_GROUP_ROWS)
        names = [_set_off(name) for name in table.column_names]
        texts = [_set_off_all(column) if pa.types.is_string(column.type) else column for column in table.columns]
        self._csv.write_table(pa.table(texts, names=names))

    def result(self, refusals: Sequence[RowRefused], seconds: float) -> ScoreResult:
        """What is told of the whole file, once it is written."""
        edges, counts = self._histogram() if self._answers.number or self._answers.task == BINARY else ([], [])
        return ScoreResult(
            scored=self.scored,
            refused=self.refused,
            refusals=tuple(refusals),
            seconds=round(seconds, 3),
            labels=tuple(zip(self._answers.labels, self._counts, strict=True)),
            of=self._numbers[self._told] if len(counts) else "",
            edges=tuple(edges),
            counts=tuple(counts),
        )

    def _histogram(self) -> tuple[list[float], list[int]]:
        """Over 0 to 1 of a probability, over what there is of another number; the file is read once more for it."""
        low, high = (0.0, 1.0) if self._answers.labels else self._range
        if not np.isfinite(high - low):
            return [], []  # numbers so far apart that their distance is none
        edges = np.histogram_bin_edges(np.asarray([low, high]), bins=BINS, range=(low, high))
        counts = np.zeros(BINS, dtype=np.int64)
        name = self._numbers[self._told]
        for batch in pq.ParquetFile(self._path).iter_batches(65_536, columns=[name]):
            values = batch.column(0).drop_null().to_numpy(zero_copy_only=False)
            counts += np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)[0]
        return [float(edge) for edge in edges], [int(count) for count in counts]


def _set_off(text: str) -> str:
    return f"'{text}" if re.match(_FORMULA, text) else text


def _set_off_all(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that a spreadsheet would take for formulas, behind a quote."""
    formula = pc.fill_null(pc.match_substring_regex(column, _FORMULA), False)
    if not pc.any(formula).as_py():
        return column
    return pc.if_else(formula, pc.binary_join_element_wise(pa.scalar("'"), column, ""), column)
