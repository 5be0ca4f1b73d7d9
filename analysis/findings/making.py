"""The parts of the findings put together, and the rows that flipped as a file of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.contracts.findings import Findings
from analysis.findings.fairness import fairness_of
from analysis.findings.flips import flips_of
from analysis.findings.rows import Grouped
from analysis.findings.slices import columns_protected, slices_find
from analysis.inputs import EvaluateSpec, EvaluationRows


@dataclass(frozen=True, slots=True)
class Asked:
    """What the findings need beside the rows and the spec.

    `ranked` are the feature columns, the most important first; `masked` columns whose values are told to nobody, beside
    the protected ones; `limits` what the problem allows: segment name -> criterion -> limit.
    """

    ranked: Sequence[str]
    masked: Sequence[str] = ()
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The document, and the file of the rows that flipped; None where nothing is listed."""

    findings: Findings
    flip_rows: dict[str, Any] | None = None


def findings_make(rows: EvaluationRows, spec: EvaluateSpec, asked: Asked) -> Found:
    """Everything that is found beyond the report. Raises ValueError when arrays do not fit together."""
    grouped = Grouped.of(rows, spec)
    masked = list(dict.fromkeys([*columns_protected(rows, spec), *asked.masked]))
    flips = flips_of(rows, spec, grouped, asked.ranked, masked)
    findings = Findings(
        slices=slices_find(rows, spec, grouped, asked.ranked),
        flips=None if flips is None else flips[0],
        fairness=fairness_of(rows, spec, grouped, asked.limits),
    )
    return Found(findings, None if flips is None else flips[1])
