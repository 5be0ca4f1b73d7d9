"""What an evaluation finds beyond its report, in one pass over the scored rows: weak slices, flips, fairness criteria,
behaviour, leakage and several models together.

The parts call `analysis.slices`, `.flips`, `.criteria`, `.behaviour`, `.leakage` and `.combination` and
hide what the report hides. The result is of the shape of `analysis.contracts.findings`.
"""

from analysis.findings.behaviour import BehaviourAsked, Tried
from analysis.findings.combination import Member
from analysis.findings.making import Asked, Found, Trials, findings_make

__all__ = ["Asked", "BehaviourAsked", "Found", "Member", "Trials", "Tried", "findings_make"]
