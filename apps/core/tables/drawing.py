"""The rows of a table as HTML. A page has hundreds of cells, and a template asks too much of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from apps.core.templatetags import _marks

if TYPE_CHECKING:
    from apps.core.tables.columns import Column
    from apps.core.tables.parts import Cell, Row
    from apps.core.tables.table import BoundTable


def _opening(column: Column) -> str:
    """What every cell of a column begins with, unless it is the one that links."""
    css, label = conditional_escape(column.cell_css), conditional_escape(column.label)
    return f'<td class="{css}" data-label="{label}"><span class="fw-cell">'


def _linked(cell: Cell, row: Row) -> str:
    column, css = cell.column, conditional_escape(cell.column.cell_css)
    pin = f"{_marks.icon('pinned', label='Pinned')} " if row.pinned else ""
    text = f'<a href="{conditional_escape(row.url)}">{cell.html}</a>' if row.url else cell.html
    aside = conditional_escape(column.aside(row.object)) if column.aside else ""
    return f'<th scope="row" class="{css}">{pin}{text}{aside}</th>'


def rows_html(table: BoundTable) -> SafeString:
    """All rows with their cells, which are escaped already, and the box that selects each."""
    drawn = []
    form = f"{table.dom_id}-bulk"
    openings = ["" if column.link else _opening(column) for column in table.visible]
    for row in table.rows:
        opens = f' data-href="{conditional_escape(row.url)}"' if row.url else ""
        css = conditional_escape(row.css) + (" is-pin" if row.pinned else "")
        box = (
            f'<td class="sel"><input type="checkbox" name="selected" value="{row.pk}" form="{form}" '
            f'aria-label="Select {conditional_escape(row.label)}"></td>'
            if table.spec.select
            else ""
        )
        cells = "".join(
            f"{opening}{cell.html}</span></td>" if opening else _linked(cell, row)
            for opening, cell in zip(openings, row.cells, strict=True)
        )
        drawn.append(f'<tr{opens} class="{css}">{box}{cells}</tr>')
    return mark_safe("\n".join(drawn))  # noqa: S308 - every part is escaped above
