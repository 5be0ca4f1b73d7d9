"""Filters: how a value in the address narrows a queryset, and how it reads on its chip."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import reduce
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date

Choices = Iterable[tuple[Any, str]] | Callable[[Any], Iterable[tuple[Any, str]]]


@dataclass(frozen=True)
class Filter:
    """Base: `key` is the name in the address. Values that make no sense are ignored.

    Only a text that somebody wrote in a language is refused: its `apply` raises Invalid.
    """

    key: str
    label: str
    kind: ClassVar[str] = "text"

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        raise NotImplementedError

    def clean(self, values: Sequence[str]) -> list[str]:
        """The values that count."""
        # PostgreSQL refuses NUL in text.
        plain = (v.replace("\0", "").strip() for v in values)
        return [v for v in plain if v]

    def words(self, values: Sequence[str], request: Any = None) -> str:
        return ", ".join(values)

    def options(self, request: Any = None) -> list[tuple[str, str]]:
        return []


@dataclass(frozen=True)
class ChoiceFilter(Filter):
    """One or several of some choices. `choices` may be a function of the request; `lookup` defaults to the key."""

    choices: Choices = ()
    lookup: str = ""
    kind: ClassVar[str] = "choice"

    def options(self, request: Any = None) -> list[tuple[str, str]]:
        found = self.choices(request) if callable(self.choices) else self.choices
        return [(str(value), str(word)) for value, word in found]

    def clean(self, values: Sequence[str]) -> list[str]:
        wanted = super().clean(values)
        if callable(self.choices):
            return wanted
        known = {value for value, _ in self.options()}
        return [v for v in wanted if v in known]

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.lookup or self.key}__in": list(values)})

    def words(self, values: Sequence[str], request: Any = None) -> str:
        named = dict(self.options(request))
        return " or ".join(named.get(v, v) for v in values)


@dataclass(frozen=True)
class TextFilter(Filter):
    """Every typed word must occur in one of the `fields`."""

    fields: Sequence[str] = ()
    kind: ClassVar[str] = "find"

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        for word in " ".join(values).split()[:8]:
            queryset = queryset.filter(reduce(operator.or_, (Q(**{f"{f}__icontains": word}) for f in self.fields)))
        return queryset

    def words(self, values: Sequence[str], request: Any = None) -> str:
        return f"“{' '.join(values)}”"


@dataclass(frozen=True)
class LanguageFilter(Filter):
    """What somebody writes in a filter language. `narrow` raises Invalid for what it cannot read.

    `words_url` is the address that completes what is being written.
    """

    narrow: Callable[[QuerySet[Any], str], QuerySet[Any]] | None = None
    words_url: Callable[[Any], str] | None = None
    placeholder: str = ""
    kind: ClassVar[str] = "language"

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset if self.narrow is None else self.narrow(queryset, " ".join(values))


@dataclass(frozen=True)
class BooleanFilter(Filter):
    """On when the address says 1. `condition` is a Q, or a function (queryset, request) for what needs the actor."""

    condition: Q | None = None
    kind: ClassVar[str] = "boolean"

    def clean(self, values: Sequence[str]) -> list[str]:
        return ["1"] if any(v in ("1", "on", "true", "yes") for v in values) else []

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(self.condition if self.condition is not None else Q(**{self.key: True}))

    def words(self, values: Sequence[str], request: Any = None) -> str:
        return "yes"


@dataclass(frozen=True)
class NumberFilter(Filter):
    """A limit on a numeric field: `comparison` is a lookup such as lte or gte."""

    field: str = ""
    comparison: str = "lte"
    kind: ClassVar[str] = "number"

    def clean(self, values: Sequence[str]) -> list[str]:
        kept = []
        for value in super().clean(values)[:1]:
            try:
                number = float(value)
            except ValueError:
                continue
            if number == number and abs(number) != float("inf"):
                kept.append(value)
        return kept

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return queryset.filter(**{f"{self.field or self.key}__{self.comparison}": float(values[0])})


@dataclass(frozen=True)
class DateFilter(Filter):
    """A day, compared with a time in the person's zone: gte from its start, lte to its end."""

    field: str = ""
    comparison: str = "gte"
    kind: ClassVar[str] = "date"

    def _day(self, text: str) -> date | None:
        try:
            return parse_date(text)
        except ValueError:
            return None

    def clean(self, values: Sequence[str]) -> list[str]:
        return [v for v in super().clean(values)[:1] if self._day(v) is not None]

    def apply(self, queryset: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        day = self._day(values[0])
        if day is None:
            return queryset
        moment = timezone.make_aware(datetime.combine(day, time.min if self.comparison == "gte" else time.max))
        return queryset.filter(**{f"{self.field or self.key}__{self.comparison}": moment})
