"""Background work of reviews."""

from celery import shared_task

from apps.reviews import services


@shared_task
def requests_sweep() -> int:
    """Mark open requests that are past due expired, and those stale whose evidence has moved on."""
    return services.requests_sweep()
