"""The three answers of a table page: whole page, htmx part, CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from apps.core.tables.table import BoundTable

_CHUNK = 500
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
    writer = csv.writer(_Echo())
    columns = table.visible
    # The mark makes spreadsheets read UTF-8.
    yield "\ufeff" + writer.writerow([safe_cell(column.heading) for column in columns])
    rows = table.sorted_rows().iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        table.prepare(chunk)
        for row in chunk:
            yield writer.writerow([safe_cell(column.export(row)) for column in columns])


def csv_response(table: BoundTable) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(table), content_type="text/csv; charset=utf-8")
    name = f"fairway-{table.spec.key}-{timezone.now():%Y%m%d-%H%M}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def table_response(
    request: HttpRequest,
    table: BoundTable,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponseBase:
    """CSV when the address asks for it, the table alone when htmx aims at it, else the page with `table`."""
    if table.wants_csv:
        return csv_response(table)
    aimed = request.headers.get("HX-Target") == table.dom_id
    restored = request.headers.get("HX-History-Restore-Request") == "true"
    if aimed and not restored:
        response: HttpResponse = render(request, "components/table.html", {"table": table, **(context or {})})
    else:
        response = render(request, template, {"table": table, **(context or {})}, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target", "Cookie"))
    return response
