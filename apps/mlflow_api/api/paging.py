"""What every search is told beside its filter: how many, which page, which rows."""

from __future__ import annotations

from django.http import HttpRequest

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.experiments import selectors
from apps.experiments.contracts import View
from apps.mlflow_api.api.teams import team_of
from apps.mlflow_api.door import Source, list_of, text_of, whole_of, word_of

EXPERIMENTS_PER_CALL = 10_000
_VIEWS = {1: View.ACTIVE.value, 2: View.DELETED.value, 3: View.ALL.value}


def limit_of(source: Source, default: int | None, most: int) -> int:
    """`max_results`. Raises Invalid outside 1 to `most`."""
    limit = whole_of(source, "max_results", default)
    if not 1 <= limit <= most:
        rule = f"at most {most}" if limit > most else "a positive integer"
        raise Invalid(f"Invalid value {limit} for parameter 'max_results' supplied. It must be {rule}.")
    return limit


def view_of(source: Source, name: str) -> View:
    """A view type by name or number; without one the rows that were not deleted. Raises Invalid."""
    word = word_of(source, name, _VIEWS) or View.ACTIVE
    word = _VIEWS.get(int(word), word) if word.isdecimal() else word
    if word not in [view.value for view in View]:
        raise Invalid.field(name, f"Invalid view type '{word[:60]}'. One of {', '.join(View)}.")
    return View(word)


def texts_of(source: Source, name: str) -> list[str]:
    """A list of texts. Raises Invalid."""
    texts = list_of(source, name)
    for text in texts:
        if not isinstance(text, str) or "\x00" in text:
            raise Invalid.field(name, f"Invalid value for parameter '{name}' supplied: a list of texts.")
    return texts


def token_of(source: Source) -> str:
    return text_of(source, "page_token", required=False)


def experiment_numbers_of(actor: Actor, request: HttpRequest, source: Source) -> list[int]:
    """The experiments that a search names; 0 is the default one of the actor's team. Raises Invalid."""
    numbers = []
    for value in list_of(source, "experiment_ids", EXPERIMENTS_PER_CALL):
        text = str(value)
        if isinstance(value, bool) or not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 30:
            raise Invalid(f"Invalid experiment ID '{text[:70]}'. Experiment ID must be a valid integer.")
        numbers.append(int(text))
    if 0 in numbers:
        default = selectors.experiment_default_number(team_of(actor, request))
        numbers = [number or default for number in numbers if number or default is not None]  # type: ignore[misc]
    return [number for number in numbers if 0 < number < 2**63]
