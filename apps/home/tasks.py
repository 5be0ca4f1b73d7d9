"""Beat tasks of the installation itself."""

from __future__ import annotations

from celery import shared_task

from apps.core.actors import Actor
from apps.core.progress import long_task
from apps.home.storage import services


@shared_task
def store_care() -> None:
    """Each hour: remove what nothing needs, then hash again what nobody checked for a day."""
    actor = Actor.system("store")
    services.store_collect(actor=actor)
    services.store_check_run(actor=actor, everything=False)


@shared_task
def store_check() -> None:
    """Hash everything again because a person asked; the progress shows on the home page."""
    with long_task("store.check", "Checking every stored file") as progress:
        services.store_check_run(actor=Actor.system("store"), everything=True, say=progress.say)
