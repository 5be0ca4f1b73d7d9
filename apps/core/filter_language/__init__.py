"""MLflow's filter and order language, read into a tree: no Django, no database, nothing is built from its text."""

from apps.core.filter_language.completion import Expected, Gap, expected_at, name_written
from apps.core.filter_language.parser import CLAUSES, LENGTH, ORDERS, parse_filter, parse_orders
from apps.core.filter_language.tokens import Unreadable
from apps.core.filter_language.tree import All, Any, Clause, Field, Node, Operator, Order, ValueType, clauses_of
from apps.core.filter_language.vocabulary import Vocabulary

__all__ = [
    "CLAUSES",
    "LENGTH",
    "ORDERS",
    "All",
    "Any",
    "Clause",
    "Expected",
    "Field",
    "Gap",
    "Node",
    "Operator",
    "Order",
    "Unreadable",
    "ValueType",
    "Vocabulary",
    "clauses_of",
    "expected_at",
    "name_written",
    "parse_filter",
    "parse_orders",
]
