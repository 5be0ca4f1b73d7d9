"""One machine, one command: what `make run` uses."""

from controlplane.settings.base import *  # noqa: F403
