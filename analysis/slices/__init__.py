"""Weak slices: groups nobody named in which the model is worse, found on one half of the rows and proven on the other.

The halves are by hash of the row id, so the same row is always on the same side. On the one half the lattice is
searched (`lattice`); a candidate that is explained by its own candidate children is dropped. On the other half each
remaining candidate is held against its complement and against the rest of each parent by Welch's one-sided t test, of
which the largest p counts (an intersection-union test: R. L. Berger, Technometrics 24 (1982) 295-300); Benjamini and
Hochberg's correction over all candidates follows. Means and differences come from that half alone, so that they are
not flattered by the search, and their intervals are widened for the selection (Y. Benjamini and D. Yekutieli, JASA 100
(2005) 71-81). A greedy cover, the strongest first, then leaves out what only repeats a slice that is shown.
"""

from analysis.slices.columns import BANDS, Level, SliceColumn, slice_columns
from analysis.slices.finding import SliceSpec, WeakSlice, WeakSlices, weak_slices

__all__ = [
    "BANDS",
    "Level",
    "SliceColumn",
    "SliceSpec",
    "WeakSlice",
    "WeakSlices",
    "slice_columns",
    "weak_slices",
]
