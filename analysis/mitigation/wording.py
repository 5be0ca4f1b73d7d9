"""What a what-if says about itself, and the legal caution of thresholds by group. Not legal advice, and it says so."""

from typing import Final

WHAT_IF: Final = (
    "A what-if from the score bins of rows on which the model was tested. Nothing is changed by it. Thresholds are "
    "chosen and measured on the same rows, so expect somewhat worse on new ones, and try the choice on rows of its own."
)


def caution_text(segment: str, *, protected: bool) -> str:
    """The caution of deciding by another threshold for each group of a segment."""
    start = f"A threshold of its own for each group of {segment} decides differently about people with equal scores."
    if protected:
        return (
            f"{start} {segment} is a protected attribute: that may be unlawful where you are, also when it is meant to "
            "lessen harm, for instance as disparate treatment in the United States or direct discrimination in the "
            "European Union and the United Kingdom. Exceptions are narrow and depend on the use. This is not legal "
            "advice; take it before you use such thresholds, and consider what one threshold for all, better data or a "
            "better model can do."
        )
    return (
        f"{start} {segment} is not marked as protected, but a group of it may stand in for one that is, which the law "
        "may treat alike. This is not legal advice; have it looked at before you use such thresholds."
    )
