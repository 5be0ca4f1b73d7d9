"""Progress of work of the installation itself, kept in the database so that every page can show it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from apps.core.models import LongTask

_SILENT = timedelta(minutes=3)


class Progress:
    """A handle on one long task."""

    def __init__(self, key: str) -> None:
        self.key = key

    def say(self, fraction: float, text: str) -> None:
        """Tell how far the work is; `fraction` from 0 to 1."""
        LongTask.objects.filter(key=self.key).update(
            fraction=max(0.0, min(1.0, fraction)), text=text[:300], updated_at=timezone.now()
        )


@contextmanager
def long_task(key: str, title: str, *, url: str = "") -> Iterator[Progress]:
    """Mark work as running, then as done; as failed, with the error's words, when it raises."""
    LongTask.objects.update_or_create(
        key=key,
        defaults={
            "title": title,
            "state": LongTask.State.RUNNING,
            "fraction": 0.0,
            "text": "",
            "url": url,
            "started_at": timezone.now(),
        },
    )
    try:
        yield Progress(key)
    except BaseException as error:
        LongTask.objects.filter(key=key).update(
            state=LongTask.State.FAILED, text=str(error)[:300] or type(error).__name__, updated_at=timezone.now()
        )
        raise
    LongTask.objects.filter(key=key).update(state=LongTask.State.DONE, fraction=1.0, updated_at=timezone.now())


def long_tasks_shown() -> list[LongTask]:
    """What runs, and what failed within the last hour. Work that fell silent counts as failed."""
    now = timezone.now()
    shown = LongTask.objects.filter(
        state__in=[LongTask.State.RUNNING, LongTask.State.FAILED], updated_at__gt=now - timedelta(hours=1)
    )
    tasks = list(shown)
    for task in tasks:
        if task.state == LongTask.State.RUNNING and task.updated_at < now - _SILENT:
            task.state, task.text = LongTask.State.FAILED, "It stopped without a word; begin it again."
    return sorted(tasks, key=lambda task: (task.state != LongTask.State.RUNNING, task.started_at))
