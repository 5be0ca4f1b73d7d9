"""Beat goes on after its clock was set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from celery import Celery

from controlplane.beat import SteadyScheduler


def test_a_clock_that_is_set_back_makes_no_task_wait_for_it(tmp_path):
    moved = timedelta()

    class Shifted(Celery):
        def now(self) -> datetime:
            return datetime.now(UTC) + moved

    app = Shifted("beat", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {"look": {"task": "look", "schedule": 5.0}}
    beat = SteadyScheduler(app, schedule_filename=str(tmp_path / "schedule"))
    beat.tick()
    assert beat.tick() <= 5

    moved = timedelta(hours=-3)

    assert beat.tick() <= 5
    assert beat.tick() <= 5
    beat.close()
