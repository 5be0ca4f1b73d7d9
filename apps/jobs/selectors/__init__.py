"""Reading jobs: always limited to what the actor may see."""

from apps.jobs.selectors.jobs import (
    attempt_list,
    attempt_result,
    event_list,
    job_get,
    job_list,
    running_count,
    running_list,
    usage_recent,
    use_by_target,
    waiting_oldest,
)
from apps.jobs.selectors.logs import LogLine, line_at, log_before, log_lines, log_tail
from apps.jobs.selectors.replay import REPLAY_ROWS, job_replay
from apps.jobs.selectors.workers import WorkerView, beat_at, worker_list

__all__ = [
    "REPLAY_ROWS",
    "LogLine",
    "WorkerView",
    "attempt_list",
    "attempt_result",
    "beat_at",
    "event_list",
    "job_get",
    "job_list",
    "job_replay",
    "line_at",
    "log_before",
    "log_lines",
    "log_tail",
    "running_count",
    "running_list",
    "usage_recent",
    "use_by_target",
    "waiting_oldest",
    "worker_list",
]
