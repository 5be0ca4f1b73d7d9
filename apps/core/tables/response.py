"""The answers of a table page: whole page, htmx part, CSV or Parquet file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from apps.core.parquet import ParquetColumn, parquet_stream
from apps.core.tables.table import BoundTable

_CHUNK = 500
_GROUP = 5_000
# A spreadsheet would run these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run gets a quote in front; numbers stay numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value).replace("\x00", "")
        return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return value


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(table: BoundTable) -> Iterator[str]:
    """All rows of the filtered and sorted table, the visible columns, in constant memory."""
    return _csv_lines(table, table.chunks(_CHUNK))


def _csv_lines(table: BoundTable, chunks: Iterator[list[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    columns = table.visible
    # The mark makes spreadsheets read UTF-8.
    yield "\ufeff" + writer.writerow([safe_cell(column.heading) for column in columns])
    for chunk in chunks:
        for row in chunk:
            yield writer.writerow([safe_cell(column.export(row)) for column in columns])


def csv_response(table: BoundTable) -> StreamingHttpResponse:
    return _file(table, csv_lines(table), "csv", "text/csv; charset=utf-8")


def parquet_response(table: BoundTable) -> StreamingHttpResponse:
    """As the CSV file, with types: numbers, texts, moments. Columns of the same name are numbered."""
    columns, names = table.visible, Counter[str]()
    told = []
    for column in columns:
        names[column.heading] += 1
        count = names[column.heading]
        told.append(ParquetColumn(column.heading + (f" {count}" if count > 1 else ""), column.exported))
    groups = ([[column.plain(row) for column in columns] for row in chunk] for chunk in table.chunks(_GROUP))
    return _file(table, parquet_stream(told, groups), "parquet", "application/vnd.apache.parquet")


def _file(table: BoundTable, content: Iterator[Any], ending: str, media_type: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(content, content_type=media_type)
    name = f"fairway-{table.spec.key}-{timezone.now():%Y%m%d-%H%M}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def part_alone(table: BoundTable) -> bool:
    """Is the table asked for without its page?"""
    headers = table.request.headers
    restored = headers.get("HX-History-Restore-Request") == "true"
    return headers.get("HX-Target") == table.dom_id and not restored


def table_response(
    request: HttpRequest,
    table: BoundTable,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponseBase:
    """A file when the address asks for it, the table alone when htmx aims at it, else the page with `table`."""
    if table.wants_csv:
        return csv_response(table)
    if table.wants_parquet:
        return parquet_response(table)
    if part_alone(table):
        response: HttpResponse = render(request, "components/table.html", {"table": table, **(context or {})})
    else:
        response = render(request, template, {"table": table, **(context or {})}, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target", "Cookie"))
    return response
