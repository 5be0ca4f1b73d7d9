"""Reading jobs: always limited to what the actor may see."""

from apps.jobs.selectors.board import Board, BoardJob, Queue, ShareRow, board_of, queue_list
from apps.jobs.selectors.forecasts import Choice, Held, coverage, coverage_words, forecast_choices, what_if
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
from apps.jobs.selectors.queues import Line, Standing, line_of, standing_of
from apps.jobs.selectors.quotas import QuotaRow, Used, quota_get, quota_list, teams_of_quotas
from apps.jobs.selectors.replay import REPLAY_ROWS, job_replay
from apps.jobs.selectors.workers import WorkerView, beat_at, worker_list

__all__ = [
    "REPLAY_ROWS",
    "Board",
    "BoardJob",
    "Choice",
    "Held",
    "Line",
    "LogLine",
    "Queue",
    "QuotaRow",
    "ShareRow",
    "Standing",
    "Used",
    "WorkerView",
    "attempt_list",
    "attempt_result",
    "beat_at",
    "board_of",
    "coverage",
    "coverage_words",
    "event_list",
    "forecast_choices",
    "job_get",
    "job_list",
    "job_replay",
    "line_at",
    "line_of",
    "log_before",
    "log_lines",
    "log_tail",
    "queue_list",
    "quota_get",
    "quota_list",
    "running_count",
    "running_list",
    "standing_of",
    "teams_of_quotas",
    "usage_recent",
    "use_by_target",
    "waiting_oldest",
    "what_if",
    "worker_list",
]
