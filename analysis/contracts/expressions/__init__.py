"""The safe expression language over columns, used by segments and expectations.

Grammar (key words in any case, names are case-sensitive)::

    expression := and_part ("or" and_part)*
    and_part   := not_part ("and" not_part)*
    not_part   := "not" not_part | comparison
    comparison := sum [ ("=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=") sum
                      | ["not"] "in" list | ["not"] "between" sum "and" sum | "is" ["not"] "null" ]
    list       := "[" sum ("," sum)* "]"   (round brackets work too)
    sum        := term (("+" | "-") term)*
    term       := factor (("*" | "/") factor)*
    factor     := "-" factor | number | text | "true" | "false" | name
                | function "(" expression ")" | "(" expression ")"
    name       := letters, digits, "_" | back-ticked text: `hours per week`
    text       := 'single' or "double" quotes; a quote inside is doubled

Functions: see FUNCTIONS. A missing value makes every comparison unknown (missing); only `is null` sees it.
There is nothing else: no attribute, no other call, no access to anything but the columns of one table.
"""

from analysis.contracts.expressions.checker import Checked, check, columns, validate
from analysis.contracts.expressions.errors import ExpressionError
from analysis.contracts.expressions.nodes import (
    FUNCTIONS,
    Arithmetic,
    Between,
    Call,
    Column,
    Comparison,
    IsNull,
    Literal,
    Logical,
    Membership,
    Negative,
    Node,
    Not,
)
from analysis.contracts.expressions.parser import MAX_DEPTH, MAX_LENGTH, parse

__all__ = [
    "FUNCTIONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "Arithmetic",
    "Between",
    "Call",
    "Checked",
    "Column",
    "Comparison",
    "ExpressionError",
    "IsNull",
    "Literal",
    "Logical",
    "Membership",
    "Negative",
    "Node",
    "Not",
    "check",
    "columns",
    "parse",
    "validate",
]
