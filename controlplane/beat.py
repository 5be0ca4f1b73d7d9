"""Beat's scheduler, but for clocks that are set back.

Celery's own one knows when each task is due by the wall clock: set back by three hours, it sends nothing for three
hours, and jobs whose messages were lost wait as long.
"""

from __future__ import annotations

import time
from typing import Any

from celery.beat import PersistentScheduler

BACK_S = 5.0
"""A smaller correction of the clock is no jump."""


class SteadyScheduler(PersistentScheduler):
    """Counts every interval anew when the clock was set back."""

    _ahead: float | None = None

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One round; see Celery."""
        ahead = self.wall() - time.monotonic()
        if self._ahead is not None and ahead < self._ahead - BACK_S:
            now = self.app.now()
            for entry in self.schedule.values():
                entry.last_run_at = now
            self._heap = None
        self._ahead = ahead
        wait: float = super().tick(*args, **kwargs)
        return wait

    def wall(self) -> float:
        """Seconds since 1970 by the clock that the schedule goes by."""
        moment: float = self.app.now().timestamp()
        return moment
