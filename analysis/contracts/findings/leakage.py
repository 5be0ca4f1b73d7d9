"""Test rows that the model was trained on: the part "leakage" of the findings.

Shape of the JSON ("or null" is written "?")::

    Leakage {"columns": [names compared], "train_rows", "test_rows", "shared": test rows with a twin in training,
             "share": Estimate of the test rows, "same_label", "other_label": of the shared rows,
             "repeated": Estimate of the training rows that have a twin in training, "verdict"}

The rule: no row is shared: "no overlap". Otherwise the test rows are as likely to have a twin in training as the
training rows have among themselves, if only chance made them alike: when all of the share's interval lies above that of
`repeated` it is "more than chance", else "as chance makes it".
"""

from dataclasses import dataclass
from typing import Final

from analysis.contracts.findings.reading import FindingsError, Json, estimate_read, made, texts_read
from analysis.contracts.report import Estimate

NO_OVERLAP: Final = "no overlap"
BY_CHANCE: Final = "as chance makes it"
MORE_THAN_CHANCE: Final = "more than chance"
LEAKAGE_VERDICTS: Final = (NO_OVERLAP, BY_CHANCE, MORE_THAN_CHANCE)


@dataclass(frozen=True, slots=True)
class Leakage:
    """Rows that are equal in every column which the model reads."""

    columns: tuple[str, ...]
    train_rows: int
    test_rows: int
    shared: int
    share: Estimate
    same_label: int
    other_label: int
    repeated: Estimate
    verdict: str


def leakage_read(data: Json) -> Leakage:
    """From JSON. Raises FindingsError, ReportError, KeyError, TypeError."""
    found = made(
        Leakage,
        {
            **data,
            "columns": texts_read(data["columns"], "columns"),
            "share": estimate_read(data["share"]),
            "repeated": estimate_read(data["repeated"]),
        },
    )
    if found.verdict not in LEAKAGE_VERDICTS:
        raise FindingsError(f"Leakage is one of {', '.join(LEAKAGE_VERDICTS)}")
    return found
