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
)
from apps.jobs.selectors.logs import LogLine, line_at, log_before, log_lines, log_tail
from apps.jobs.selectors.replay import REPLAY_ROWS, job_replay

__all__ = [
    "REPLAY_ROWS",
    "LogLine",
    "attempt_list",
    "attempt_result",
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
]
