"""Test-set wear: how much a test set still proves after it has been looked at and decided on.

Who chooses the next model by what a test set said of earlier ones fits the test set a little. Whatever was seen is a
text of B bits (a decision, yes or no, is one bit; a number shown to r is log2(1 + 1/r) bits, rounded up), so the next
model is one of at most 2^B. By Hoeffding's inequality (JASA 58 (1963) 13-30) for each of them and the union bound, with
the stated level

    |measured - true| <= sqrt((B ln 2 + ln(2 / (1 - level))) / (2 n))

for every metric that is a mean of values between 0 and 1 over n rows, however cunningly the model was chosen. This is
the description-length bound of C. Dwork, V. Feldman, M. Hardt, T. Pitassi, O. Reingold and A. Roth, "Generalization in
adaptive data analysis and holdout reuse" (NIPS 2015). A. Blum and M. Hardt, "The Ladder" (ICML 2015), show an attack
that comes near it in its order, sqrt(B / n).

The rule: a set is worn when that error passes the margin, the difference that matters to the problem. It is a bound for
the worst case and no estimate: R. Roelofs et al., "A meta-analysis of overfitting in machine learning" (NeurIPS 2019),
found little wear in most contests. Standard library only.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from analysis.contracts.wording import number_text

State: TypeAlias = Literal["sound", "worn", "too small", "not known"]
SOUND: Final = "sound"
WORN: Final = "worn"
TOO_SMALL: Final = "too small"
NOT_KNOWN: Final = "not known"

RESOLUTION: Final = 0.001
"""A number is taken to be shown to a tenth of a per cent."""
MARGIN: Final = 0.05
"""A difference of five points matters where the problem states no margin."""


@dataclass(frozen=True, slots=True)
class Wear:
    """How worn a test set is, or a segment of it.

    `error` is the worst-case error of the next evaluation, `fresh_error` that of an unused set, `effective_rows` the
    size of an unused set that proves as much. `looks_left` and `decisions_left` are how many more of either keep the
    error within the margin. All None where there are no rows.
    """

    state: State
    sentence: str
    n: int
    looks: int
    decisions: int
    bits: int
    margin: float
    level: float
    error: float | None
    fresh_error: float | None
    effective_rows: int | None
    looks_left: int | None
    decisions_left: int | None

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def wear_find(
    n: int,
    *,
    looks: int,
    decisions: int,
    margin: float = MARGIN,
    resolution: float = RESOLUTION,
    level: float = 0.95,
) -> Wear:
    """How worn a set of n rows is after so many looks (numbers shown) and decisions (yes or no, without a number).

    Raises ValueError for a negative count, or a margin, resolution or level that does not lie between 0 and 1.
    """
    if min(n, looks, decisions) < 0:
        raise ValueError("Rows, looks and decisions are zero or more")
    if not (0 < margin < 1 and 0 < resolution < 1 and 0.5 < level < 1):
        raise ValueError("A margin and a resolution lie between 0 and 1, a level between 0.5 and 1")
    per_look = look_bits(resolution)
    bits = looks * per_look + decisions
    if n == 0:
        nothing = (None, None, None, None, None)
        return Wear(NOT_KNOWN, "There are no rows.", n, looks, decisions, bits, margin, level, *nothing)
    fresh, error = error_bound(n, 0, level), error_bound(n, bits, level)
    alone = math.log(2 / (1 - level))
    allowed = max(math.floor((2 * n * margin**2 - alone) / math.log(2) + 1e-9), 0)
    left = max(allowed - bits, 0)
    state: State = TOO_SMALL if fresh > margin else WORN if error > margin else SOUND
    return Wear(
        state=state,
        sentence=_sentence(state, n, looks, decisions, margin, error, fresh, left, per_look),
        n=n,
        looks=looks,
        decisions=decisions,
        bits=bits,
        margin=margin,
        level=level,
        error=error,
        fresh_error=fresh,
        effective_rows=math.floor(n * alone / (bits * math.log(2) + alone)),
        looks_left=left // per_look,
        decisions_left=left,
    )


def look_bits(resolution: float) -> int:
    """Bits that one number between 0 and 1, shown to that resolution, tells at most."""
    return math.ceil(math.log2(1 + math.ceil(1 / resolution - 1e-9)))


def error_bound(n: int, bits: int, level: float) -> float:
    """The bound of the module's head, at most 1."""
    return min(math.sqrt((bits * math.log(2) + math.log(2 / (1 - level))) / (2 * n)), 1.0)


def _sentence(
    state: State,
    n: int,
    looks: int,
    decisions: int,
    margin: float,
    error: float,
    fresh: float,
    left: int,
    per_look: int,
) -> str:
    used = f"{_counted(looks, 'look')} and {_counted(decisions, 'decision')} on {_counted(n, 'row')}"
    limit = f"the margin of {_points(margin)}"
    if state == TOO_SMALL:
        return (
            f"Even unused, {_counted(n, 'row')} may be off by {_points(fresh)}, more than {limit}: that is too few, "
            "whatever was looked at."
        )
    if state == WORN:
        return (
            f"After {used}, a model chosen by them may be off by up to {_points(error)} in the worst case, more than "
            f"{limit}. Decide on rows that nobody has looked at."
        )
    return (
        f"After {used}, a model chosen by them is off by at most {_points(error)} in the worst case, within {limit}. "
        f"{_counted(left // per_look, 'more look')} or {_counted(left, 'more decision')} keep it so."
    )


def _counted(count: int, word: str) -> str:
    return f"{number_text(count, 0)} {word}{'' if count == 1 else 's'}"


def _points(share: float) -> str:
    return f"{number_text(100 * share, 1)} points"
