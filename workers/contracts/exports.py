"""What an export of an evaluation is made of, and into what. Standard library only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

RENDERER: Final = 2
"""Raised whenever a file would look otherwise for the same evidence, so that it is made anew when it is asked for."""

PARQUET: Final = "PARQUET"
HTML: Final = "HTML"
PDF: Final = "PDF"
MODEL_CARD: Final = "MODEL_CARD"

CHARTS: Final = "plotly.js"
"""The file of the chart library among the files of a job that makes an HTML report."""


class FactsError(ValueError):
    """Facts that are not of the documented shape."""


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: its name for people, the end of its file's name, and the bytes that it begins with."""

    label: str
    part: str
    suffix: str
    begins: bytes

    @property
    def output(self) -> str:
        """The name of the child's output."""
        return f"{self.part}.{self.suffix}"


FORMATS: Final[Mapping[str, Format]] = {
    HTML: Format("HTML report", "report", "html", b"<!doctype html>"),
    PDF: Format("PDF", "report", "pdf", b"%PDF-"),
    PARQUET: Format("Parquet", "report", "parquet", b"PAR1"),
    MODEL_CARD: Format("Model card", "model-card", "md", b"---\n"),
}
"""By code, in the order in which they are offered."""


@dataclass(frozen=True, slots=True)
class GateLine:
    """One gate as it was judged; `outcome` is its word: pass, fail, not proven, not evaluated."""

    name: str
    group: str
    outcome: str
    blocks: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What an export says beside report and findings: names, words and sentences as pages have them.

    `completed_at` is ISO 8601 in UTC. `candidate` and `baseline` are how sentences name the versions ("version 3"),
    `model` and `against` what they are in full. `metric` is the one that the verdict speaks of. The sentences on
    flips, slices, fairness, behaviour and several versions together are empty where there is nothing to say. `tone` is
    worse, better, none or info. `legal_notes` has a note by the name of its segment.
    """

    evaluation_id: str
    number: int
    problem: str
    problem_version: int
    model: str
    model_version_id: str
    model_digest: str
    recipe: str
    against: str
    data: str
    data_digest: str
    part: str
    target: str
    candidate: str
    baseline: str
    positive_word: str
    negative_word: str
    noun: str
    units: str
    currency: str
    words: dict[str, str]
    headline: str
    more: str
    tone: str
    metric: str
    flips: str
    slices: str
    fairness: str
    team: str
    launched_by: str
    completed_at: str
    report_digest: str
    findings_digest: str
    gates: tuple[GateLine, ...] = ()
    behaviour: str = ""
    combination: str = ""
    legal_notes: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "gates": [asdict(gate) for gate in self.gates]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Facts":
        """From JSON. Raises FactsError."""
        known = {one.name for one in fields(cls)}
        if data.keys() - known:
            raise FactsError(f"Facts have no {', '.join(sorted(data.keys() - known))}")
        try:
            gates = tuple(GateLine(**gate) for gate in data.get("gates") or ())
            return cls(**{**data, "gates": gates})
        except TypeError as error:
            raise FactsError(f"Not facts: {error}") from error
