"""How strongly two properties of things go together: normalized pointwise mutual information."""

from __future__ import annotations

import math

# Jeffreys' prior: half a thing more in each of the four cells.
PRIOR = 0.5


def npmi(both: int, first: int, second: int, total: int, *, prior: float = 0.0) -> float:
    """-1: never together, 0: independent, 1: always together; NaN where one of them, or everything, is missing."""
    cells = (both, first - both, second - both, total - first - second + both)
    if total <= 0 or first == 0 or second == 0 or min(cells) < 0:
        return math.nan
    if not prior and both == 0:
        return -1.0
    if cells[1:] == (0, 0, 0):
        return 1.0
    n11, n10, n01, n00 = (cell + prior for cell in cells)
    whole = n11 + n10 + n01 + n00
    mutual = math.log(n11) + math.log(whole) - math.log(n11 + n10) - math.log(n11 + n01)
    return max(-1.0, min(1.0, mutual / (math.log(whole) - math.log(n11))))
