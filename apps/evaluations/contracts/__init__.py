"""What other rooms may know of evaluations: listeners and panels, and the words and numbers of a report."""

from apps.evaluations.contracts.behaved import BEHAVIOUR_STATES, side_sentence
from apps.evaluations.contracts.listeners import (
    EvaluationPanel,
    approvals_of,
    approvals_of_register,
    decision_counter_register,
    decisions_count,
    evaluation_finished,
    evaluation_finished_register,
    evaluation_panel_list,
    evaluation_panel_register,
    gate_lines,
    gate_lines_register,
)
from apps.evaluations.contracts.numbers import change_signed, interval_text, money_text, unit_text, value_text
from apps.evaluations.contracts.verdict import Speech, Verdict, headline_pick, rate_sentence, verdict_say
from apps.evaluations.contracts.words import PEOPLE, people_of, plural_of

__all__ = [
    "BEHAVIOUR_STATES",
    "PEOPLE",
    "EvaluationPanel",
    "Speech",
    "Verdict",
    "approvals_of",
    "approvals_of_register",
    "change_signed",
    "decision_counter_register",
    "decisions_count",
    "evaluation_finished",
    "evaluation_finished_register",
    "evaluation_panel_list",
    "evaluation_panel_register",
    "gate_lines",
    "gate_lines_register",
    "headline_pick",
    "interval_text",
    "money_text",
    "people_of",
    "plural_of",
    "rate_sentence",
    "side_sentence",
    "unit_text",
    "value_text",
    "verdict_say",
]
