"""All writes of evaluations and their exports."""

from apps.evaluations.services.asking import baseline_for, usual_data
from apps.evaluations.services.exports import export_fail, export_finish, export_make, export_retry
from apps.evaluations.services.extras import EXTRAS, MOST_TRIPLES, Extras, triples_of
from apps.evaluations.services.finishing import evaluation_fail, evaluation_finish, report_digest
from apps.evaluations.services.launching import evaluation_archive, evaluation_launch, evaluation_retry
from apps.evaluations.services.members import MOST_MEMBERS, SURE, Company
from apps.evaluations.services.predictions import Against, predictions_judge
from apps.evaluations.services.proposals import proposal_apply, proposal_archive, proposal_save
from apps.evaluations.services.row_columns import RowColumns
from apps.evaluations.services.tables import TABLE_FILE, table_judge, tables_settle

__all__ = [
    "EXTRAS",
    "MOST_MEMBERS",
    "MOST_TRIPLES",
    "SURE",
    "TABLE_FILE",
    "Against",
    "Company",
    "Extras",
    "RowColumns",
    "baseline_for",
    "evaluation_archive",
    "evaluation_fail",
    "evaluation_finish",
    "evaluation_launch",
    "evaluation_retry",
    "export_fail",
    "export_finish",
    "export_make",
    "export_retry",
    "predictions_judge",
    "proposal_apply",
    "proposal_archive",
    "proposal_save",
    "report_digest",
    "table_judge",
    "tables_settle",
    "triples_of",
    "usual_data",
]
