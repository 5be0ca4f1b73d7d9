"""Metrics by group: one linear pass per grouping over sorted rows, then arithmetic on small arrays.

`groupings` says which rows belong together, `ranks` does the exact rank statistics, `binary`, `multiclass`
and `regression` reduce rows to sufficient statistics and those to estimates with intervals.
"""
