"""What an evaluation finds beyond its report, in one pass over the scored rows: weak slices, flips, fairness criteria.

The parts call `analysis.slices`, `analysis.flips` and `analysis.criteria` and hide what the report hides. The result is
of the shape of `analysis.contracts.findings`.
"""

from analysis.findings.making import Asked, Found, findings_make

__all__ = ["Asked", "Found", "findings_make"]
