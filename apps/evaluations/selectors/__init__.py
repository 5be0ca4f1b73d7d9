"""Reading evaluations and what their reports say."""

from apps.evaluations.selectors.behaved import behaviour_beside
from apps.evaluations.selectors.bins import statistics_of
from apps.evaluations.selectors.evaluations import (
    behaviour_unasked,
    evaluation_get,
    evaluation_list,
    evaluation_search,
    findings_of,
    latest_for,
    latest_id_for,
    newest_of_problem,
    report_of,
    unrequested_list,
)
from apps.evaluations.selectors.exports import export_file, export_list, export_of_job
from apps.evaluations.selectors.facts import export_facts
from apps.evaluations.selectors.predictions import Offer, against_list, answer_offers, judge_obstacle, prefix_offer
from apps.evaluations.selectors.preliminary import preliminary_of
from apps.evaluations.selectors.proposals import proposal_list
from apps.evaluations.selectors.reading import (
    HarmGroup,
    HarmRow,
    criteria_limits_of,
    criteria_reasons_of,
    curves_of,
    cutoffs_of,
    harm_groups,
    harm_metric,
    margins_of,
    speech_of,
    verdict_of,
)
from apps.evaluations.selectors.shown import harm_shown, kpis_of
from apps.evaluations.selectors.tables import judgement_get, judgement_list, table_paths
from apps.evaluations.selectors.wear import Looked, wear_margin, wear_of

__all__ = [
    "HarmGroup",
    "HarmRow",
    "Looked",
    "Offer",
    "against_list",
    "answer_offers",
    "behaviour_beside",
    "behaviour_unasked",
    "criteria_limits_of",
    "criteria_reasons_of",
    "curves_of",
    "cutoffs_of",
    "evaluation_get",
    "evaluation_list",
    "evaluation_search",
    "export_facts",
    "export_file",
    "export_list",
    "export_of_job",
    "findings_of",
    "harm_groups",
    "harm_metric",
    "harm_shown",
    "judge_obstacle",
    "judgement_get",
    "judgement_list",
    "kpis_of",
    "latest_for",
    "latest_id_for",
    "margins_of",
    "newest_of_problem",
    "prefix_offer",
    "preliminary_of",
    "proposal_list",
    "report_of",
    "speech_of",
    "statistics_of",
    "table_paths",
    "unrequested_list",
    "verdict_of",
    "wear_margin",
    "wear_of",
]
