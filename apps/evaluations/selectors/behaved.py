"""What behaviour tests say beside the gates, for the page on which a release is decided."""

from __future__ import annotations

from typing import Any

from analysis.contracts.findings import BEHAVES
from apps.evaluations.contracts.behaved import BEHAVIOUR_STATES, side_sentence
from apps.evaluations.contracts.verdict import Speech
from apps.evaluations.models import Evaluation
from apps.evaluations.selectors.evaluations import findings_of


def behaviour_beside(evaluation: Evaluation, speech: Speech) -> dict[str, Any]:
    """{"behaviour_told": how many hold of how many, or "", "behaviour_open": tests that are no gate and do not hold}.

    Critical tests are gates and told there.
    """
    findings = findings_of(evaluation)
    tests = findings.behaviour.tests if findings is not None and findings.behaviour is not None else ()
    holding = sum(one.candidate.verdict == BEHAVES for one in tests)
    shown = []
    for one in tests:
        if one.critical or one.candidate.verdict == BEHAVES:
            continue
        code, word = BEHAVIOUR_STATES[one.candidate.verdict]
        sentence = f"Behaviour: {one.name}: {side_sentence(one.candidate, one.least_share, speech.candidate)}"
        shown.append({"id": one.id, "code": code, "word": word, "sentence": sentence})
    return {
        "behaviour_told": f"{holding} of {len(tests)} test{'' if len(tests) == 1 else 's'} hold" if tests else "",
        "behaviour_open": shown,
    }
