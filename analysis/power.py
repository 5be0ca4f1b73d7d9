"""What a number of rows can show, said before anyone looks: rows needed, smallest effect shown, and the words for it.

For paired yes-no outcomes (right or wrong by two models on the same rows) with the discordant share d = the share of
rows on which the two differ, a difference e of the two shares has the variance (d - e^2) / n, and d / n when there is
none: R. J. Connor, "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43
(1987) 207-211. A mean of paired differences with standard deviation s is the case where both are s^2 / n. With critical
value z of the two-sided test and b of the power:

    rows to prove a difference e     n = ((z sqrt(d) + b sqrt(d - e^2)) / e)^2
    rows to prove |difference| < m   n = (z + c)^2 s^2 / m^2,  c the normal quantile of (1 + power) / 2

The second is the two one-sided tests (D. J. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680) by
the interval that this product shows, when there truly is no difference. Both are normal approximations, some per cent
short of the exact test's need where few rows are discordant. numpy and the standard library only.
"""

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Final

from analysis.contracts.report import BETTER, NO_DIFFERENCE, NOT_ENOUGH_DATA, WORSE, Verdict
from analysis.contracts.wording import number_text
from analysis.intervals import normal_z

POWER: Final = 0.8
MOST_ROWS: Final = 10**12
"""More rows than that are said to be out of reach."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Spread:
    """How much one row's difference varies: variance when there is no difference, and whether rows are yes or no.

    For yes-no outcomes the variance is the discordant share; a difference then takes its square off it.
    """

    variance: float
    shares: bool

    def __post_init__(self) -> None:
        if not math.isfinite(self.variance) or self.variance < 0:
            raise ValueError("A variance is zero or more")
        if self.shares and self.variance > 1:
            raise ValueError("A discordant share lies between 0 and 1")

    @classmethod
    def discordant(cls, share: float) -> "Spread":
        """Of paired yes-no outcomes that differ on that share of the rows."""
        return cls(share, True)

    @classmethod
    def deviation(cls, deviation: float) -> "Spread":
        """Of a paired difference with that standard deviation."""
        if deviation < 0:
            raise ValueError("A standard deviation is zero or more")
        return cls(deviation**2, False)

    @classmethod
    def apart(cls, first: float, second: float) -> "Spread":
        """Of the difference of two shares of different rows, as many in both groups; `n` is then that of one group."""
        if not (0 <= first <= 1 and 0 <= second <= 1):
            raise ValueError("A share lies between 0 and 1")
        return cls(first * (1 - first) + second * (1 - second), False)

    def of(self, effect: float) -> float:
        """The variance of one row's difference when the mean difference is `effect`."""
        return max(self.variance - effect * effect, 0.0) if self.shares else self.variance


def rows_to_prove(effect: float, spread: Spread, *, power: float = POWER, level: float = 0.95) -> int | None:
    """Rows with which a true difference of that size is proven with that chance.

    None where no number of rows reaches it (no effect, or one that the discordant share does not allow), or where it is
    out of reach. Raises ValueError for a power or level that is none.
    """
    z, b = _quantiles(power, level)
    size = abs(effect)
    if size == 0 or (spread.shares and size > spread.variance):
        return None
    return _rows(((z * math.sqrt(spread.variance) + b * math.sqrt(spread.of(size))) / size) ** 2)


def rows_to_equal(margin: float, spread: Spread, *, power: float = POWER, level: float = 0.95) -> int | None:
    """Rows with which "no difference beyond the margin" is proven with that chance, when there is none at all.

    None for a margin of zero, which no number of rows proves, or where it is out of reach. Raises ValueError as
    `rows_to_prove` does, and for a negative margin.
    """
    z, _ = _quantiles(power, level)
    if margin < 0:
        raise ValueError("A margin is zero or more")
    if margin == 0:
        return None
    return _rows((z + _NORMAL.inv_cdf((1 + power) / 2)) ** 2 * spread.variance / margin**2)


def smallest_effect(n: int, spread: Spread, *, power: float = POWER, level: float = 0.95) -> float | None:
    """The smallest true difference that n rows prove with that chance; None where not even the largest possible one is.

    Raises ValueError as `rows_to_prove` does.
    """
    z, b = _quantiles(power, level)
    if n < 1:
        return None
    if not spread.shares:
        return (z + b) * math.sqrt(spread.variance / n)
    # e sqrt(n) - z sqrt(d) = b sqrt(d - e^2), squared: a quadratic in e. The sign of b says which root is the one.
    d, root = spread.variance, math.sqrt(n)
    a, half = n + b * b, z * math.sqrt(d) * root
    inside = half * half - a * d * (z * z - b * b)
    effect = (half + math.copysign(math.sqrt(max(inside, 0.0)), b)) / a
    return effect if effect <= d else None


def smallest_margin(n: int, spread: Spread, *, power: float = POWER, level: float = 0.95) -> float | None:
    """The smallest margin within which n rows prove equality with that chance, when there is no difference."""
    z, _ = _quantiles(power, level)
    if n < 1:
        return None
    return (z + _NORMAL.inv_cdf((1 + power) / 2)) * math.sqrt(spread.variance / n)


def power_of(n: int, effect: float, spread: Spread, *, level: float = 0.95) -> float | None:
    """The chance that n rows prove a true difference of that size; None where such a difference cannot be."""
    size = abs(effect)
    if n < 1 or (spread.shares and size > spread.variance):
        return None
    after = spread.of(size)
    reach = size * math.sqrt(n) - float(normal_z(level)) * math.sqrt(spread.variance)
    if after == 0:
        return 1.0 if reach > 0 else 0.0
    return _NORMAL.cdf(reach / math.sqrt(after))


@dataclass(frozen=True, slots=True)
class Planned:
    """What `n` rows can show of a difference whose smallest size of interest is `interest`; stated before looking.

    None stands for "cannot be": see the functions of the same words.
    """

    n: int
    interest: float
    power: float
    level: float
    chance: float | None
    smallest_effect: float | None
    smallest_margin: float | None
    rows_to_prove: int | None
    rows_to_equal: int | None

    @property
    def rows_enough(self) -> int | None:
        """Rows with which either answer, a difference of interest or none, is given with the stated chance."""
        if self.rows_to_prove is None or self.rows_to_equal is None:
            return None
        return max(self.rows_to_prove, self.rows_to_equal)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "rows_enough": self.rows_enough}


def plan(n: int, interest: float, spread: Spread, *, power: float = POWER, level: float = 0.95) -> Planned:
    """State beforehand what n rows can show. Raises ValueError for a negative smallest size of interest."""
    if interest < 0:
        raise ValueError("The smallest effect of interest is zero or more")
    return Planned(
        n=n,
        interest=interest,
        power=power,
        level=level,
        chance=power_of(n, interest, spread, level=level),
        smallest_effect=smallest_effect(n, spread, power=power, level=level),
        smallest_margin=smallest_margin(n, spread, power=power, level=level),
        rows_to_prove=rows_to_prove(interest, spread, power=power, level=level),
        rows_to_equal=rows_to_equal(interest, spread, power=power, level=level),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """The word for a measured difference and the sentence that says why; rows that would be enough where it matters."""

    verdict: Verdict
    sentence: str
    rows_enough: int | None = None


def difference_read(ends: tuple[float | None, float | None], planned: Planned, *, higher_is_better: bool) -> Reading:
    """Read the interval of a difference against the smallest effect of interest.

    Inside the margin it is "no difference", even where zero lies outside the interval: what is proven does not matter.
    Beside zero it is better or worse. Otherwise too few rows have been seen to say either.
    """
    low, high = ends
    if low is None or high is None:
        return Reading(NOT_ENOUGH_DATA, f"There is no interval yet. {_enough(planned)}", planned.rows_enough)
    margin = planned.interest
    if -margin <= low and high <= margin:
        return Reading(NO_DIFFERENCE, "The whole interval lies within what does not matter.")
    if low > 0 or high < 0:
        verdict: Verdict = BETTER if (low > 0) == higher_is_better else WORSE
        return Reading(verdict, "The whole interval lies on one side of zero.")
    return Reading(
        NOT_ENOUGH_DATA,
        f"{number_text(planned.n, 0)} rows are too few to tell a difference from none. {_enough(planned)}",
        planned.rows_enough,
    )


def _enough(planned: Planned) -> str:
    share = number_text(100 * planned.power, 0)
    if planned.rows_enough is None:
        return "No number of rows is enough for a smallest effect of interest of this size."
    if planned.rows_enough <= planned.n:
        return f"As many decide with a chance of {share} %; this is one of the other cases, so look again on new rows."
    return f"{number_text(planned.rows_enough, 0)} rows would be enough with a chance of {share} %."


def _quantiles(power: float, level: float) -> tuple[float, float]:
    if not 0 < power < 1:
        raise ValueError("The power lies between 0 and 1")
    if not 0.5 < level < 1:
        raise ValueError("The level of intervals lies between 0.5 and 1")
    return float(normal_z(level)), _NORMAL.inv_cdf(power)


def _rows(exact: float) -> int | None:
    """Rounded up, but for the last digits of the arithmetic; at least one."""
    if exact > MOST_ROWS:
        return None
    return max(math.ceil(exact - 1e-9 * max(exact, 1.0)), 1)
