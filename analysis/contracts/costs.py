"""From the costs of errors to the decision threshold."""


def threshold_from_costs(false_positive: float, false_negative: float) -> float:
    """The probability from which predicting positive costs less: c_fp / (c_fp + c_fn); 0.5 for equal costs.

    At that probability p both mistakes have the same expected cost: (1 - p) c_fp = p c_fn. Raises ValueError for
    negative costs or when both are zero.
    """
    if min(false_positive, false_negative) < 0 or false_positive + false_negative <= 0:
        raise ValueError("The costs of the two errors are zero or more, and not both zero")
    return false_positive / (false_positive + false_negative)
