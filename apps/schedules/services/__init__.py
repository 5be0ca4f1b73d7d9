"""All writes of schedules: keep, pause, hand over, and what makes them run."""

from apps.schedules.services.changing import FIELDS, schedule_change
from apps.schedules.services.keeping import (
    schedule_create,
    schedule_now,
    schedule_pause,
    schedule_remove,
    schedule_resume,
    schedule_take,
)
from apps.schedules.services.looking import schedule_look
from apps.schedules.services.running import schedules_tick

__all__ = [
    "FIELDS",
    "schedule_change",
    "schedule_create",
    "schedule_look",
    "schedule_now",
    "schedule_pause",
    "schedule_remove",
    "schedule_resume",
    "schedule_take",
    "schedules_tick",
]
