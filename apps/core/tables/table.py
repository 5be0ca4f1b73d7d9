"""A table: its declaration, and the same bound to a request and a queryset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.safestring import SafeString

from apps.core.errors import Invalid
from apps.core.tables.columns import Column
from apps.core.tables.drawing import rows_html
from apps.core.tables.filters import Filter, LanguageFilter
from apps.core.tables.keyset import Edge, Order, Slice, page_of
from apps.core.tables.parts import MOST_ROWS, BulkAction, Cell, Chip, Head, Row
from apps.core.tables.walk import Step, walk_chunks, walk_page

_PLACE = ("after", "before")
# Kinds of filters that have a field of their own instead of a place in the menu.
_OWN_FIELD = ("find", "language")


@dataclass(frozen=True)
class Table:
    """Declaration, made once per room. `default_sort` is a column key, with a minus for descending."""

    key: str
    columns: Sequence[Column]
    filters: Sequence[Filter] = ()
    default_sort: str = ""
    row_url: Callable[[Any], str] | None = None
    row_css: Callable[[Any], str] | None = None
    label: str = ""
    per_page: int = 50
    select: bool = False
    bulk: Sequence[BulkAction] = ()
    prefix: str = ""
    count_limit: int = 10_000
    csv: bool = True
    parquet: bool = False
    noun: str = ""
    empty_title: str = "Nothing here yet"
    empty_text: str = ""
    empty_url: str = ""
    empty_label: str = ""

    def bind(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *,
        columns: Sequence[Column] = (),
        filters: Sequence[Filter] = (),
        pinned: Iterable[Any] = (),
        prepare: Callable[[list[Any]], Any] | None = None,
    ) -> BoundTable:
        """Tie the table to what this actor may see. Extra `columns` and `filters` come last.

        `prepare` gets each list of rows before they are drawn or exported, to attach values in one query.
        """
        return BoundTable(
            self, request, queryset, [*self.columns, *columns], [*self.filters, *filters], list(pinned), prepare
        )


@dataclass
class BoundTable:
    """What the template draws. Nothing is asked of the database before it is needed."""

    spec: Table
    request: HttpRequest
    queryset: QuerySet[Any]
    columns: list[Column]
    filters: list[Filter]
    pinned: list[Any] = field(default_factory=list)
    preparer: Callable[[list[Any]], Any] | None = None
    # How many rows the filters leave, where the page has found out already.
    counted: int | None = None

    # -- the address ---------------------------------------------------------

    def name(self, parameter: str) -> str:
        return f"{self.spec.prefix}{parameter}"

    @property
    def dom_id(self) -> str:
        return f"table-{self.spec.key}"

    def _value(self, parameter: str) -> str:
        return self.request.GET.get(self.name(parameter), "")

    def url(self, **changes: Any) -> str:
        """This page's address with changes: None removes, a list repeats. The place in the list is dropped."""
        query: dict[str, list[Any]] = dict(self.request.GET.lists())
        query.pop(self.name("format"), None)
        if not set(changes) & set(_PLACE):
            changes |= dict.fromkeys(_PLACE)
        for parameter, value in changes.items():
            name = self.name(parameter)
            if value is None or value == []:
                query.pop(name, None)
            else:
                query[name] = value if isinstance(value, list) else [value]
        text = urlencode(query, doseq=True)
        return f"{self.request.path}?{text}" if text else self.request.path

    @property
    def here(self) -> str:
        """This page's address with the place in the list."""
        return self.url(**{place: self._value(place) or None for place in _PLACE})

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """Hidden inputs of a GET form: all parameters but the named ones and the place in the list."""
        dropped = {self.name(p) for p in (*without, *_PLACE, "format")}
        query: QueryDict = self.request.GET
        return [(name, value) for name, values in query.lists() if name not in dropped for value in values]

    @property
    def wants_csv(self) -> bool:
        return self.spec.csv and self._value("format") == "csv"

    @property
    def wants_parquet(self) -> bool:
        return self.spec.parquet and self._value("format") == "parquet"

    @property
    def parquet_url(self) -> str:
        return self.url(format="parquet") if self.spec.parquet else ""

    @property
    def csv_url(self) -> str:
        return self.url(format="csv") if self.spec.csv else ""

    # -- columns and density --------------------------------------------------

    @cached_property
    def visible(self) -> list[Column]:
        wanted = [key for part in self.request.GET.getlist(self.name("cols")) for key in part.split(",") if key]
        chosen = [c for c in self.columns if c.key in wanted or c.beside in wanted or c.link]
        return chosen if wanted else [c for c in self.columns if c.default_visible or c.link]

    @property
    def column_choices(self) -> list[tuple[Column, bool]]:
        shown = {c.key for c in self.visible}
        return [(c, c.key in shown) for c in self.columns if not c.link and not c.beside]

    @property
    def compact(self) -> bool:
        asked = self._value("density") or self.request.COOKIES.get("fairway_density", "")
        return asked == "compact"

    @property
    def density_url(self) -> str:
        return self.url(density="roomy" if self.compact else "compact")

    # -- sorting and filtering -------------------------------------------------

    @cached_property
    def sort(self) -> tuple[Column | None, bool]:
        """The column in force and whether it runs downwards."""
        sortable = {c.key: c for c in self.columns if c.sort is not None}
        for text in (self._value("sort"), self.spec.default_sort):
            if text.lstrip("-") in sortable:
                return sortable[text.lstrip("-")], text.startswith("-")
        return None, True

    @property
    def order(self) -> Order:
        column, descending = self.sort
        if column is None or callable(column.sort):
            return Order(None, descending)
        return Order(column.sort, descending, column.may_be_null(self.queryset))

    @cached_property
    def heads(self) -> list[Head]:
        current, descending = self.sort
        heads = []
        for column in self.visible:
            if column.sort is None:
                heads.append(Head(column))
                continue
            here = current is not None and column.key == current.key
            down = not descending if here else column.descending_first
            direction = ("descending" if descending else "ascending") if here else ""
            heads.append(Head(column, self.url(sort=f"-{column.key}" if down else column.key), direction))
        return heads

    @cached_property
    def active(self) -> list[tuple[Filter, list[str]]]:
        """Filters in force with their values."""
        pairs = [(f, f.clean(self.request.GET.getlist(self.name(f.key)))) for f in self.filters]
        return [(f, values) for f, values in pairs if values]

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(f.label, f.words(values, self.request), self.url(**{f.key: None}))
            for f, values in self.active
            if f.kind not in _OWN_FIELD
        ]

    @property
    def clear_url(self) -> str:
        return self.url(**{f.key: None for f in self.filters})

    @property
    def finder(self) -> dict[str, Any] | None:
        """The search box: the first text filter."""
        for f in self.filters:
            if f.kind == "find":
                values = self.request.GET.getlist(self.name(f.key))
                return {
                    "filter": f,
                    "name": self.name(f.key),
                    "value": " ".join(values),
                    "kept": self.kept(f.key),
                    "clear_url": self.url(**{f.key: None}),
                }
        return None

    @property
    def language(self) -> dict[str, Any] | None:
        """The bar for a filter in words of a language, with why it cannot be read."""
        for f in self.filters:
            if isinstance(f, LanguageFilter):
                values = f.clean(self.request.GET.getlist(self.name(f.key)))
                return {
                    "filter": f,
                    "name": self.name(f.key),
                    "value": " ".join(values),
                    "kept": self.kept(f.key),
                    "clear_url": self.url(**{f.key: None}),
                    "refusal": self.refusals.get(f.key),
                    "words_url": f.words_url(self.request) if f.words_url else "",
                }
        return None

    @property
    def filter_fields(self) -> list[dict[str, Any]]:
        """What the filter menu draws."""
        drawn = []
        for f in self.filters:
            if f.kind in _OWN_FIELD:
                continue
            values = f.clean(self.request.GET.getlist(self.name(f.key)))
            options = [(value, word, value in values) for value, word in f.options(self.request)]
            drawn.append(
                {"filter": f, "name": self.name(f.key), "value": values[0] if values else "", "options": options}
            )
        return drawn

    @property
    def filter_kept(self) -> list[tuple[str, str]]:
        return self.kept(*(f.key for f in self.filters if f.kind not in _OWN_FIELD))

    @property
    def columns_kept(self) -> list[tuple[str, str]]:
        return self.kept("cols")

    @cached_property
    def _narrowed(self) -> tuple[QuerySet[Any], dict[str, Invalid]]:
        queryset, refusals = self.queryset, {}
        for f, values in self.active:
            try:
                queryset = f.apply(queryset, values)
            except Invalid as refusal:
                # Rows that a filter in force might have left out would be read as what it found.
                refusals[f.key], queryset = refusal, queryset.none()
        return queryset, refusals

    @property
    def filtered(self) -> QuerySet[Any]:
        """What the filters leave; nothing where one of them cannot be read."""
        return self._narrowed[0]

    @property
    def refusals(self) -> dict[str, Invalid]:
        """{key of a filter: why it cannot be read}."""
        return self._narrowed[1]

    def chunks(self, size: int) -> Iterator[list[Any]]:
        """Everything that the filters leave, in order and prepared, for an export; in constant memory.

        Raises the Invalid of a filter that cannot be read.
        """
        for refusal in self.refusals.values():
            raise refusal
        return self._chunks(size)

    def _chunks(self, size: int) -> Iterator[list[Any]]:
        column, descending = self.sort
        if column is not None and callable(column.sort):
            chunks = walk_chunks(self.queryset, column.sort(self.filtered, descending), size)
        else:
            rows = self.order.sort(self.order.annotate(self.filtered)).iterator(chunk_size=size)
            chunks = iter(lambda: list(islice(rows, size)), [])
        for chunk in chunks:
            self.prepare(chunk)
            yield chunk

    # -- rows -----------------------------------------------------------------

    @property
    def size(self) -> int:
        asked = self._value("size")
        return min(max(int(asked), 1), MOST_ROWS) if asked.isdecimal() else self.spec.per_page

    @cached_property
    def slice(self) -> Slice:
        after, before = self._value("after"), self._value("before")
        try:
            return self._slice("" if before else after, before)
        except (TypeError, ValueError, ValidationError, DataError, Invalid):
            # A cursor made for another sort order: start again.
            return self._slice("", "")

    def _slice(self, after: str, before: str) -> Slice:
        column, descending = self.sort
        if column is not None and callable(column.sort):
            parts = column.sort(self.filtered, descending)
            return walk_page(self.queryset, parts, self.size, Step.decode(after), Step.decode(before))
        return page_of(self.filtered, self.order, self.size, Edge.decode(after), Edge.decode(before))

    def prepare(self, objects: list[Any]) -> None:
        if self.preparer is not None:
            self.preparer(objects)

    def _row(self, thing: Any, pinned: bool = False) -> Row:
        cells = [Cell(column, column.html(thing)) for column in self.visible]
        url = self.spec.row_url(thing) if self.spec.row_url else ""
        css = self.spec.row_css(thing) if self.spec.row_css else ""
        return Row(thing, thing.pk, url, cells, str(thing), pinned, css)

    @cached_property
    def rows(self) -> list[Row]:
        objects = [*self.pinned, *self.slice.rows]
        self.prepare(objects)
        held = len(self.pinned)
        return [self._row(thing, index < held) for index, thing in enumerate(objects)]

    @property
    def rows_html(self) -> SafeString:
        return rows_html(self)

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @cached_property
    def count(self) -> int:
        """Rows that the filters leave, counted up to the limit of the table and one more."""
        if self.counted is not None:
            return self.counted
        if self.slice.previous is None and self.slice.next is None:
            return len(self.slice.rows)
        return self.filtered.order_by().values("pk")[: self.spec.count_limit + 1].count()

    @property
    def count_is_exact(self) -> bool:
        return self.count <= self.spec.count_limit

    @property
    def shown(self) -> int:
        return len(self.slice.rows)

    @property
    def previous_url(self) -> str:
        edge = self.slice.previous
        return self.url(before=edge.encode(), after=None) if edge else ""

    @property
    def next_url(self) -> str:
        edge = self.slice.next
        return self.url(after=edge.encode(), before=None) if edge else ""

    @property
    def first_url(self) -> str:
        return self.url()

    @property
    def span(self) -> int:
        """Columns that a full-width cell spans."""
        return len(self.visible) + (1 if self.spec.select else 0)

    @property
    def bulk(self) -> list[BulkAction]:
        return [action for action in self.spec.bulk if action.address]
