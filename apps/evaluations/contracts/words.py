"""Plain words for people: nouns for what is counted, verbs for what a version would do, names of groups. Pure."""

from __future__ import annotations

from typing import Final

from analysis.contracts.report import Group, Place

PEOPLE: Final = "people"
_ARTICLES: Final = frozenset({"one", "a", "an", "each", "every", "per", "the"})
_LINKS: Final = frozenset({"of", "for", "in", "on", "at", "by", "per", "from", "with", "to"})
_PLURALS: Final = {
    "person": "people",
    "child": "children",
    "man": "men",
    "woman": "women",
    "people": "people",
    "series": "series",
    "row": "rows",
}

# What a decision did -> what a version would do. Only words that are certain; others are said in the passive voice.
_VERBS: Final = {
    "accepted": "accept",
    "admitted": "admit",
    "allowed": "allow",
    "approved": "approve",
    "arrested": "arrest",
    "blocked": "block",
    "called": "call",
    "cancelled": "cancel",
    "charged": "charge",
    "cleared": "clear",
    "closed": "close",
    "declined": "decline",
    "denied": "deny",
    "detained": "detain",
    "discharged": "discharge",
    "dismissed": "dismiss",
    "escalated": "escalate",
    "excluded": "exclude",
    "flagged": "flag",
    "granted": "grant",
    "held": "hold",
    "hired": "hire",
    "included": "include",
    "insured": "insure",
    "invited": "invite",
    "jailed": "jail",
    "kept": "keep",
    "passed": "pass",
    "paid": "pay",
    "promoted": "promote",
    "referred": "refer",
    "refused": "refuse",
    "rejected": "reject",
    "released": "release",
    "removed": "remove",
    "selected": "select",
    "sent": "send",
    "shortlisted": "shortlist",
    "stopped": "stop",
    "treated": "treat",
    "trusted": "trust",
}


def verb_of(participle: str) -> str | None:
    """The plain verb of a decision's word: "held" is "hold"; None when it is not certain."""
    return _VERBS.get(participle.strip().lower())


def verb_third(verb: str) -> str:
    """What one version does: "hold" is "holds", "deny" is "denies", "pass" is "passes"."""
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "x", "ch", "sh", "o")) else f"{verb}s"


def is_participle(word: str) -> bool:
    """Can it follow "were": "released", "held", "screened"?"""
    plain = word.strip().lower()
    return plain in _VERBS or (plain.isalpha() and plain.endswith("ed") and len(plain) > 4)


def plural_of(unit: str) -> str:
    """What a hundred of them are called: "one arrest" is "arrests", "a person" is "people", "" is "rows"."""
    words = unit.strip().split()
    while words and words[0].lower() in _ARTICLES:
        words = words[1:]
    if not words:
        return "rows"
    end = next((index for index, word in enumerate(words) if index and word.lower() in _LINKS), len(words))
    words[end - 1] = _plural_word(words[end - 1])
    return " ".join(words)


def _plural_word(word: str) -> str:
    lower = word.lower()
    if lower in _PLURALS:
        return _PLURALS[lower]
    if lower.endswith("y") and lower[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    if lower.endswith(("ss", "x", "ch", "sh")):
        return f"{word}es"
    return word if lower.endswith("s") else f"{word}s"


_AGE_NAMES: Final = frozenset({"age", "age group", "age band", "age class"})
_BARE: Final = frozenset({"yes", "no", "true", "false", "missing", "other", "unknown", "none", "y", "n"})


def people_of(group: Group, noun: str = PEOPLE) -> str:
    """A group as words that follow "of every 100": "people aged 35 and over", "people recorded as Black", "people"."""
    named, stated, aged = [], [], []
    for place in group.dimensions:
        if noun == PEOPLE and place.name.strip().lower() in _AGE_NAMES and any(sign.isalnum() for sign in place.level):
            aged.append(place.level)
        elif _says_nothing(place):
            stated.append(f"{place.name} “{place.level}”")
        else:
            named.append(place.level)
    words = noun
    if named:
        words += f" recorded as {' and '.join(named)}"
    if stated:
        words += f" with {' and '.join(stated)}"
    if aged:
        words += f"{',' if named or stated else ''} aged {' and '.join(aged)}"
    return words


def _says_nothing(place: Place) -> bool:
    level = place.level.strip().lower()
    return level in _BARE or not any(sign.isalpha() for sign in level)


SHORT: Final = 18


def column_names(own: tuple[str, int], other: tuple[str, int] | None) -> tuple[str, str]:
    """How columns name two versions, each a model's name and a number: "v3" and "v2"; by their models where the numbers
    are the same. The second is empty without one.
    """
    if other is None:
        return f"v{own[1]}", ""
    if own[1] != other[1]:
        return f"v{own[1]}", f"v{other[1]}"
    first, second = (name if len(name) <= SHORT else f"{name[: SHORT - 1]}…" for name, _ in (own, other))
    return first, second
