"""Small random inputs for the tests of this package."""

import numpy as np
import pyarrow as pa

from analysis.contracts.costs import Costs
from analysis.contracts.segments import PERFORMANCE, Bands, SegmentSpec, Support
from analysis.evaluate import EvaluateSpec, EvaluationRows, ModelOutput

NO_LEAST = Support(0, 0, 0)


def make_segment(name: str, expression: str, purpose: str = PERFORMANCE, **rest: object) -> SegmentSpec:
    """A segment with the id "v-NAME"."""
    return SegmentSpec(id=f"v-{name}", name=name, expression=expression, purpose=purpose, **rest)  # type: ignore[arg-type]


AGE = make_segment("Age", "age", "PROTECTED", bands=Bands((25.0, 35.0), ("under 25", "25 to 34", "35 and over")))
COLOUR = make_segment("Colour", "colour", "PROTECTED")
EMPLOYED = make_segment("Employed", "employed")


def make_columns(rng: np.random.Generator, n: int) -> pa.Table:
    """Columns age (whole number), colour (two texts) and employed (truth value)."""
    return pa.table(
        {
            "age": rng.integers(16, 60, n),
            "colour": np.where(rng.random(n) < 0.25, "Black", "White"),
            "employed": rng.random(n) < 0.7,
        }
    )


def make_binary(n: int = 2000, seed: int = 0, *, baseline: bool = True, decimals: int = 3) -> EvaluationRows:
    """Two models that see the same signal with different noise; scores have ties."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    signal = rng.normal(size=n) + 1.2 * truth

    def scores() -> np.ndarray:
        return np.round(1 / (1 + np.exp(-(signal + 0.5 * rng.normal(size=n) - 0.8))), decimals)

    return EvaluationRows(
        row_ids=np.arange(n),
        truth=truth,
        columns=make_columns(rng, n),
        candidate=ModelOutput(scores=scores(), threshold=0.5),
        baseline=ModelOutput(scores=scores(), threshold=0.45) if baseline else None,
    )


def make_spec(**changes: object) -> EvaluateSpec:
    """A two-class spec over three segments."""
    given: dict[str, object] = {
        "task": "BINARY",
        "segments": (AGE, COLOUR, EMPLOYED),
        "positive_label": "released",
        "costs": Costs(1200, 400),
    }
    return EvaluateSpec(**(given | changes))  # type: ignore[arg-type]
