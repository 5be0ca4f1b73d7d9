"""Beat tasks: ids in, one service call."""

from celery import shared_task

from apps.datasets.services import uploads_expire


@shared_task
def uploads_sweep() -> int:
    """End uploads that were left."""
    return uploads_expire()
