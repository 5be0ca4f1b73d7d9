"""The fairness criteria that can be chosen: what each asks, in words for whoever answers for the product, and for whom.

A criterion is a claim about groups that can be measured; which one is right is a choice that people make and give
reasons for. `analysis.criteria.conflicts` says which cannot hold together.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

from analysis.contracts.metrics import BINARY, MULTICLASS, RANKING, REGRESSION

DEMOGRAPHIC_PARITY: Final = "DEMOGRAPHIC_PARITY"
FOUR_FIFTHS: Final = "FOUR_FIFTHS"
EQUAL_OPPORTUNITY: Final = "EQUAL_OPPORTUNITY"
EQUALIZED_ODDS: Final = "EQUALIZED_ODDS"
PREDICTIVE_PARITY: Final = "PREDICTIVE_PARITY"
CALIBRATION: Final = "CALIBRATION"
COST_PARITY: Final = "COST_PARITY"
MEAN_PREDICTION_PARITY: Final = "MEAN_PREDICTION_PARITY"
MEAN_ERROR_PARITY: Final = "MEAN_ERROR_PARITY"
EXPOSURE_PARITY: Final = "EXPOSURE_PARITY"
EXPOSURE_BY_MERIT: Final = "EXPOSURE_BY_MERIT"

RANGE: Final = "range"
RATIO: Final = "ratio"
WORST: Final = "worst"
"""How groups become one number: largest minus smallest; smallest over largest; the largest of all."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion. `question` is for everyone, `definition` for who wants it exact, `source` says whose it is.

    `limit` is the customary limit, None where there is none and the problem has to state its own.
    """

    code: str
    name: str
    tasks: frozenset[str]
    question: str
    definition: str
    shape: str
    source: str
    limit: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As JSON, for pages."""
        return {**asdict(self), "tasks": sorted(self.tasks)}


_CLASSES: Final = frozenset({BINARY, MULTICLASS})

CRITERIA: Final[dict[str, Criterion]] = {
    one.code: one
    for one in (
        Criterion(
            DEMOGRAPHIC_PARITY,
            "Demographic parity",
            _CLASSES,
            "Is the positive answer given to the same share of every group, whatever the truth?",
            "Selection rate: predicted positive among all rows of the group. Largest minus smallest.",
            RANGE,
            "Calders, Kamiran and Pechenizkiy 2009",
        ),
        Criterion(
            FOUR_FIFTHS,
            "Four fifths",
            _CLASSES,
            "Does the group chosen least often reach four fifths of the rate of the one chosen most often?",
            "Smallest selection rate over the largest. A rule of thumb of US employment selection.",
            RATIO,
            "Uniform Guidelines on Employee Selection Procedures 1978, 29 CFR 1607.4 D",
            0.8,
        ),
        Criterion(
            EQUAL_OPPORTUNITY,
            "Equal opportunity",
            _CLASSES,
            "Of those who truly deserve the positive answer, does every group get it equally often?",
            "Recall: predicted positive among the actual positives of the group. Largest minus smallest.",
            RANGE,
            "Hardt, Price and Srebro 2016",
        ),
        Criterion(
            EQUALIZED_ODDS,
            "Equalized odds",
            _CLASSES,
            "Are mistakes of both kinds equally frequent in every group?",
            "The larger of two ranges: that of recall, and that of the false positive rate.",
            RANGE,
            "Hardt, Price and Srebro 2016",
        ),
        Criterion(
            PREDICTIVE_PARITY,
            "Predictive parity",
            _CLASSES,
            "Is a positive answer equally often right, whichever group it is about?",
            "Precision: actual positives among the predicted positives of the group. Largest minus smallest.",
            RANGE,
            "Chouldechova 2017",
        ),
        Criterion(
            CALIBRATION,
            "Calibration within groups",
            _CLASSES,
            "Does a score of 70 % mean 70 % in every group?",
            "Calibration error over ten equal score bins, in each group by itself. The largest of all groups.",
            WORST,
            "Kleinberg, Mullainathan and Raghavan 2016",
        ),
        Criterion(
            COST_PARITY,
            "Parity of the cost of errors",
            frozenset({BINARY, MULTICLASS, REGRESSION}),
            "Do mistakes cost every group the same amount of money?",
            "Money lost to errors per 100 rows at the problem's stated costs. Largest minus smallest.",
            RANGE,
            "Expected cost per group at stated costs; Corbett-Davies and Goel 2018 discuss it",
        ),
        Criterion(
            MEAN_PREDICTION_PARITY,
            "Equal mean prediction",
            frozenset({REGRESSION}),
            "Does every group get the same prediction on average, whatever the truth?",
            "Mean prediction of the group. Largest minus smallest. Demographic parity for a regression, by the mean.",
            RANGE,
            "Calders, Karim, Kamiran, Ali and Zhang 2013",
        ),
        Criterion(
            MEAN_ERROR_PARITY,
            "Equal mean error",
            frozenset({REGRESSION}),
            "Is any group judged too high or too low on average, compared with the others?",
            "Mean of prediction minus truth of the group. Largest minus smallest.",
            RANGE,
            "Calders, Karim, Kamiran, Ali and Zhang 2013",
        ),
        Criterion(
            EXPOSURE_PARITY,
            "Equal exposure",
            frozenset({RANKING}),
            "Does every group get the same share of attention from its places in the lists?",
            "Mean exposure of the group's results, 1 / log2(1 + place). Smallest over largest.",
            RATIO,
            "Singh and Joachims 2018",
        ),
        Criterion(
            EXPOSURE_BY_MERIT,
            "Exposure by merit",
            frozenset({RANKING}),
            "Does every group get attention in proportion to how relevant its results are?",
            "Exposure of the group's results over their relevance, both summed. Smallest over largest.",
            RATIO,
            "Singh and Joachims 2018, disparate treatment",
        ),
    )
}
"""Every criterion by its code."""


def criteria_for(task: str) -> tuple[Criterion, ...]:
    """The criteria of a task. Raises KeyError for a task that has none."""
    found = tuple(one for one in CRITERIA.values() if task in one.tasks)
    if not found:
        raise KeyError(task)
    return found
