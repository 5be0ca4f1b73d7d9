"""What the runner parent tells of an attempt, as a status."""

from collections.abc import Mapping

from workers.contracts.jobspec import JobState, JobStatus


def status_of(state: JobState, told: Mapping[str, object]) -> JobStatus:
    """The status of an attempt from what its runner parent wrote down; what it left out is zero or None."""

    def number(name: str) -> float:
        value = told.get(name)
        return float(value) if isinstance(value, (int, float)) else 0.0

    def whole(name: str) -> int | None:
        value = told.get(name)
        return value if isinstance(value, int) else None

    return JobStatus(
        state,
        exit_code=whole("exit_code"),
        signal=whole("signal"),
        cause=str(told.get("cause") or ""),
        cpu_seconds=number("cpu_seconds"),
        rss_bytes=int(number("rss_bytes")),
        peak_rss_bytes=int(number("peak_rss_bytes")),
    )
