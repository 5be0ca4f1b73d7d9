"""Figures of an evaluation: plain dicts, each with the same numbers as rows; colours are names of tokens."""

from apps.evaluations.web.charts.curves import Chart, curve_charts, importance_chart
from apps.evaluations.web.charts.forest import forest_figure

__all__ = ["Chart", "curve_charts", "forest_figure", "importance_chart"]
