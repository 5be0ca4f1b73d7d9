"""How the numbers of a report read in tables: value, change with its sign, interval, the unit of a column. Pure."""

from analysis.contracts.wording import change_signed, interval_text, money_text, unit_text, value_text

__all__ = ["change_signed", "interval_text", "money_text", "unit_text", "value_text"]
