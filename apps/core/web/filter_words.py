"""What a filter bar proposes at its cursor: the words of any search, in the language that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.http import HttpRequest, JsonResponse

from apps.core.filter_language import Expected, Gap, Vocabulary, expected_at

# A longer text is written by a program, which needs no proposals.
LONGEST = 2_000
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text that may stand at the cursor, and what it is."""

    text: str
    detail: str = ""


# What fields there are, and what values a field has.
Fields = Callable[[], list[Proposal]]
Values = Callable[[Gap], Iterable[str]]


def proposals_at(
    text: str, at: int, vocabulary: Vocabulary, fields: Fields, values: Values
) -> tuple[int, list[Proposal]]:
    """From which character on the written word is replaced, and by what, the best first."""
    gap = expected_at(text, at, vocabulary) if len(text) <= LONGEST else None
    if gap is None:
        return at, []
    written = gap.written.casefold()
    fitting = [
        one for one in _proposals(gap, fields, values) if written in one.text.casefold() and one.text != gap.written
    ]
    fitting.sort(key=lambda one: not one.text.casefold().startswith(written))
    return gap.start, fitting[:SHOWN]


def _proposals(gap: Gap, fields: Fields, values: Values) -> list[Proposal]:
    match gap.expected:
        case Expected.FIELD:
            return fields()
        case Expected.OPERATOR:
            return [Proposal(operator.value) for operator in gap.operators]
        case Expected.VALUE:
            quote = "'" if gap.written.startswith("'") else '"'
            texts = values(gap) if gap.field is not None else ()
            return [Proposal(quote + one.replace(quote, quote * 2) + quote) for one in texts if len(one) <= LONGEST]
        case Expected.LIST:
            return [Proposal("(", "a list of quoted texts")]
    return [Proposal("AND"), Proposal("OR")]


def words_response(request: HttpRequest, vocabulary: Vocabulary, fields: Fields, values: Values) -> JsonResponse:
    """The answer to <filter-words>: {"start", "options": [{"text", "detail"}]} for ?text=…&at=…."""
    text = request.GET.get("text", "").replace("\0", "")
    at = request.GET.get("at", "")
    place = min(int(at), len(text)) if at.isdecimal() and len(at) < 9 else len(text)
    start, found = proposals_at(text, place, vocabulary, fields, values)
    return JsonResponse({"start": start, "options": [{"text": one.text, "detail": one.detail} for one in found]})
