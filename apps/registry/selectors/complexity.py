"""How complex a version is: what was recorded when it was made, and what its files and columns say themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion


def complexity_of(version: ModelVersion) -> dict[str, float]:
    """Facts by name, as far as they are known: parameters, features and depth (levels of the deepest tree) as counts,
    size in millions of bytes, row_time in milliseconds for one row. What is not known is left out.
    """
    told = version.complexity or {}
    facts = {
        "parameters": told.get("parameters"),
        "features": told.get("features") or len(version.signature.get("inputs") or []) or None,
        "size": told.get("size_bytes") or sum(row.get("size", 0) for row in version.manifest) or None,
        "depth": told.get("depth"),
        "row_time": told.get("row_seconds"),
    }
    scale = {"size": 1e-6, "row_time": 1e3}
    return {
        name: float(value) * scale.get(name, 1.0)
        for name, value in facts.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
    }
