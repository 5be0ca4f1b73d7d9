"""Columns: where a value comes from, how it sorts, how it reads on the page and in a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.expressions import BaseExpression, Combinable
from django.template.loader import render_to_string
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from apps.core.parquet import Kind
from apps.core.tables.walk import Walk
from apps.core.templatetags import _marks, _numbers

SortBy = str | BaseExpression | Combinable | Walk
Formatter = Callable[[Any, str], SafeString]


def _text(value: Any, argument: str) -> SafeString:
    if value is None or value == "":
        return SafeString('<span class="fw-undefined">–</span>')
    return SafeString(conditional_escape(value))


def _bool(value: Any, argument: str) -> SafeString:
    return _text(None if value is None else "yes" if value else "no", argument)


def _code(value: Any, argument: str) -> SafeString:
    return _text(value, argument) if value in (None, "") else format_html("<code>{}</code>", value)


def _or_dash(show: Callable[[Any], SafeString]) -> Formatter:
    return lambda value, argument: _text(None, argument) if value in (None, "") else show(value)


FORMATS: dict[str, Formatter] = {
    "text": _text,
    "bool": _bool,
    "code": _code,
    "state": _or_dash(_marks.state),
    "id": _or_dash(_marks.short_id),
    "num": lambda value, argument: _numbers.num(value),
    "count": lambda value, argument: _numbers.num(value),
    "decimals": lambda value, argument: _numbers.decimals(value, int(argument or 3)),
    "percent": lambda value, argument: _numbers.percent(value),
    "points": lambda value, argument: _numbers.points(value),
    "difference": lambda value, argument: _numbers.difference(value),
    "money": lambda value, argument: _numbers.money(value, argument or "EUR"),
    "bytes": lambda value, argument: _numbers.bytes(value),
    "duration": lambda value, argument: _numbers.duration(value),
    "ago": lambda value, argument: _numbers.ago(value),
    "day": lambda value, argument: _numbers.day(value),
}
_RIGHT_ALIGNED = {"num", "count", "decimals", "percent", "points", "difference", "money", "bytes", "duration"}
_NEWEST_FIRST = _RIGHT_ALIGNED | {"ago", "day"}


def look_up(row: Any, path: str) -> Any:
    """Follow a dotted (or double-underscored) path through attributes, keys and calls; None where it ends."""
    for step in path.replace("__", ".").split("."):
        if row is None:
            return None
        row = row.get(step) if isinstance(row, Mapping) else getattr(row, step, None)
        if callable(row) and not isinstance(row, type):
            row = row()
    return row


@dataclass(frozen=True)
class Column:
    """One column. `value` is a path or a function of the row; `sort` a field path, an ORM expression or a walk.

    `format` names one of FORMATS with an optional argument ("money:CAD"); `render` and `template` win over it.
    """

    key: str
    label: str
    sort: SortBy | None = None
    value: str | Callable[[Any], Any] | None = None
    format: str = "text"
    numeric: bool | None = None
    unit: str = ""
    help: str = ""
    render: Callable[[Any], Any] | None = None
    template: str = ""
    csv: Callable[[Any], Any] | None = None
    default_visible: bool = True
    link: bool = False
    wrap: bool = False
    css: str = ""
    nullable: bool | None = None
    # What a file with types holds; by the look of the column unless said.
    kind: Kind | None = None
    # What is drawn beside a link, such as a button.
    aside: Callable[[Any], str] | None = None
    # The key of another column with which this one is shown, such as a value and its difference.
    beside: str = ""

    @property
    def right(self) -> bool:
        return self.format.partition(":")[0] in _RIGHT_ALIGNED if self.numeric is None else self.numeric

    @property
    def descending_first(self) -> bool:
        """The useful end first: largest numbers and newest times."""
        return self.right or self.format.partition(":")[0] in _NEWEST_FIRST

    @property
    def cell_css(self) -> str:
        return " ".join(filter(None, ("n" if self.right else "", "wrap" if self.wrap else "", self.css)))

    def raw(self, row: Any) -> Any:
        if callable(self.value):
            return self.value(row)
        return look_up(row, self.value or self.key)

    def html(self, row: Any) -> SafeString:
        if self.render is not None:
            return _text(self.render(row), "")
        value = self.raw(row)
        if self.template:
            return render_to_string(self.template, {"row": row, "value": value})
        name, _, argument = self.format.partition(":")
        return FORMATS[name](value, argument)

    def export(self, row: Any) -> Any:
        """The bare value for a file: full precision, ISO times, no markup."""
        value = self.plain(row)
        if isinstance(value, datetime | date):
            return value.isoformat()
        return "" if value is None else value

    @property
    def exported(self) -> Kind:
        """Its type in a file that has types."""
        if self.kind is not None:
            return self.kind
        if self.format.partition(":")[0] in ("ago", "day"):
            return Kind.MOMENT
        return Kind.NUMBER if self.right else Kind.TEXT

    def plain(self, row: Any) -> Any:
        """The bare value for a file with types."""
        return self.csv(row) if self.csv is not None else self.raw(row)

    def may_be_null(self, queryset: QuerySet[Any]) -> bool:
        """Whether NULLs must be placed; a plain required field needs no care, so its index can be used."""
        if self.nullable is not None:
            return self.nullable
        if not isinstance(self.sort, str) or "__" in self.sort:
            return True
        model: type[Model] = queryset.model
        names = {f.name: f for f in model._meta.get_fields()}
        return bool(getattr(names.get(self.sort), "null", True))

    @property
    def heading(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label
