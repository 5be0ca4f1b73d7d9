"""Background work of deployments."""

from celery import shared_task

from apps.deployments import services


@shared_task
def partitions_make() -> list[str]:
    """Partitions of the prediction log for the days ahead."""
    return services.partitions_make()


@shared_task
def predictions_retain() -> list[str]:
    """Drop days past the retention rule."""
    return services.predictions_retain()
