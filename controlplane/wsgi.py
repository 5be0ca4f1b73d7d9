"""HTTP entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")
application = get_wsgi_application()


def _settle() -> None:
    """Read the addresses, then put everything that stays for good out of the collector's sight.

    Some 220,000 objects live as long as the process; looking through them took a quarter of a second, in the middle
    of somebody's page. What requests make is young and small, so it is looked at less often, too.
    """
    get_resolver().reverse_dict  # noqa: B018 - reading it imports every view
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


_settle()
