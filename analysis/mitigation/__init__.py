"""What if thresholds were different: quality against disparity, from the stored score bins alone.

A what-if changes nothing. It is chosen and measured on the same rows, which flatters it, and says so; different
thresholds by group carry a legal caution. The idea of thresholds by group under a constraint is that of M. Hardt, E.
Price and N. Srebro, "Equality of opportunity in supervised learning", NIPS 2016, here without their random mixing of
thresholds, so that equal scores of one group get one answer. numpy only.
"""

from analysis.mitigation.frontier import (
    ACCURACY,
    CONSTRAINTS,
    COST,
    PER_GROUP,
    SINGLE,
    GroupSetting,
    Setting,
    WhatIf,
    what_if,
)

__all__ = [
    "ACCURACY",
    "CONSTRAINTS",
    "COST",
    "PER_GROUP",
    "SINGLE",
    "GroupSetting",
    "Setting",
    "WhatIf",
    "what_if",
]
