"""What stands in JSON columns, for comparisons and sums; nothing that stands there makes a query fail."""

from __future__ import annotations

from django.db.models import F, FloatField, Func, TextField, Value
from django.db.models.expressions import Case, Combinable, Expression, When
from django.db.models.functions import Cast
from django.db.models.lookups import Regex

_NUMBER = r"^[-+]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?$"


def text_in(column: str) -> Func:
    """A JSON value as text: a text without its quotes, true and false as words."""
    return Func(F(column), Value("{}"), template="(%(expressions)s)", arg_joiner=" #>> ", output_field=TextField())


def number_in(text: Expression | Combinable) -> Case:
    """The number that a text writes, nothing for another text."""
    return Case(When(Regex(text, _NUMBER), then=Cast(text, FloatField())), output_field=FloatField())


def judged_in(text: Expression) -> Case:
    """As `number_in`, with yes and true as 1, no and false as 0."""
    yes, no = (Regex(text, f"^({words})$") for words in ("true|yes", "false|no"))
    whens = [
        When(yes, then=Value(1.0)),
        When(no, then=Value(0.0)),
        When(Regex(text, _NUMBER), then=Cast(text, FloatField())),
    ]
    return Case(*whens, output_field=FloatField())
