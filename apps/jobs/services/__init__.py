"""All writes of the room: queue, claim, log, report, end and repair jobs."""

from apps.jobs.services.attempts import (
    LeaseLost,
    attempt_adopt,
    attempt_claim,
    attempt_heartbeat,
    attempt_started,
    cancel_wanted,
    directory_of,
    slots_free,
    target_gaps,
    target_of,
)
from apps.jobs.services.cancelling import CANCEL_MOST, CancelFate, cancel_preview, job_cancel, jobs_cancel
from apps.jobs.services.checkpoints import attempt_resumed, checkpoint_keep, checkpoint_of, resumable
from apps.jobs.services.ending import Outcome, job_end, job_finish, last_lines, outcome_of
from apps.jobs.services.logs import job_log_append, logs_retain, usage_append
from apps.jobs.services.queueing import job_prioritise, job_queue, job_retry, limits_of
from apps.jobs.services.quotas import quota_set
from apps.jobs.services.reaping import (
    attempts_orphaned,
    attempts_reap,
    directories_sweep,
    directory_remove,
    jobs_offer,
)
from apps.jobs.services.reports import (
    RESULT_LIMIT,
    Progress,
    attempt_of,
    file_open,
    output_store,
    progress_report,
    results_store,
)
from apps.jobs.services.transitions import MOVES, event_append, job_lock, job_transition
from apps.jobs.services.workers import (
    beat_note,
    worker_drain,
    worker_is_drained,
    worker_name,
    worker_resume,
    worker_seen,
    workers_forget,
)

__all__ = [
    "CANCEL_MOST",
    "MOVES",
    "RESULT_LIMIT",
    "CancelFate",
    "LeaseLost",
    "Outcome",
    "Progress",
    "attempt_adopt",
    "attempt_claim",
    "attempt_heartbeat",
    "attempt_of",
    "attempt_resumed",
    "attempt_started",
    "attempts_orphaned",
    "attempts_reap",
    "beat_note",
    "cancel_preview",
    "cancel_wanted",
    "checkpoint_keep",
    "checkpoint_of",
    "directories_sweep",
    "directory_of",
    "directory_remove",
    "event_append",
    "file_open",
    "job_cancel",
    "job_end",
    "job_finish",
    "job_lock",
    "job_log_append",
    "job_prioritise",
    "job_queue",
    "job_retry",
    "job_transition",
    "jobs_cancel",
    "jobs_offer",
    "last_lines",
    "limits_of",
    "logs_retain",
    "outcome_of",
    "output_store",
    "progress_report",
    "quota_set",
    "results_store",
    "resumable",
    "slots_free",
    "target_gaps",
    "target_of",
    "usage_append",
    "worker_drain",
    "worker_is_drained",
    "worker_name",
    "worker_resume",
    "worker_seen",
    "workers_forget",
]
