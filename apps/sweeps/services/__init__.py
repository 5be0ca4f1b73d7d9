"""All writes of sweeps: begin, drive, cancel."""

from apps.sweeps.services.asking import sweep_create
from apps.sweeps.services.cloning import sweep_clone_of
from apps.sweeps.services.driving import sweep_drive, sweeps_running
from apps.sweeps.services.ending import sweep_cancel

__all__ = ["sweep_cancel", "sweep_clone_of", "sweep_create", "sweep_drive", "sweeps_running"]
