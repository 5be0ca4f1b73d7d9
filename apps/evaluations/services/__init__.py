"""What is done with evaluations: launch, finish, archive; and their exports."""

from apps.evaluations.services.evaluations import (
    baseline_for,
    evaluation_archive,
    evaluation_fail,
    evaluation_finish,
    evaluation_launch,
    evaluation_retry,
    report_digest,
)
from apps.evaluations.services.exports import export_fail, export_finish, export_make, export_retry

__all__ = [
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
    "report_digest",
]
