"""Background work of reviews."""

from celery import shared_task

from apps.reviews import services


@shared_task
def requests_sweep() -> int:
    """Mark open requests stale whose evidence has moved on."""
    return services.requests_sweep()
