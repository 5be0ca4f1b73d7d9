"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from apps.jobs.contracts import JobKind, job_kind_register


def register() -> None:
    """Register the profile job."""
    from apps.datasets import services

    job_kind_register(
        JobKind(
            "profile",
            "Profile",
            on_finish=services.profile_finish,
            on_fail=services.profile_fail,
            on_retry=services.profile_retry,
        )
    )
