"""When a schedule is due: five fields of cron in the wall-clock time of a zone.

Fields are minute, hour, day of month, month, day of week (0 or 7 is Sunday), as cron has them: numbers, names, lists,
ranges and steps. Where both days are restricted, either counts. When the clock is changed:

- a time of a fixed hour that the clock skips is due at the moment after the skip;
- one that the clock repeats is due once, the first time;
- with every hour (`*`) it goes by the time that passes: the skipped hour is not there, the repeated one counts twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from celery.schedules import ParseException, crontab_parser

_DAYS = 366 * 8
"""29 February comes again within eight years; what has no time by then has none."""
_SUNDAY = re.compile(r"(?<![/\d])7(?!\d)")


class CronError(ValueError):
    """Words that are no schedule, in a sentence."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    by_day: bool
    by_weekday: bool
    every_hour: bool

    def on(self, day: date) -> bool:
        """Is it due at all on a day?"""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, (day.isoweekday() % 7) in self.weekdays
        return (in_month or in_week) if self.by_day and self.by_weekday else (in_month and in_week)


@cache
def zones() -> frozenset[str]:
    """Names of time zones."""
    return frozenset(available_timezones())


def zone_find(name: str) -> ZoneInfo:
    """Raises CronError for a name that is none."""
    if name not in zones():
        raise CronError(f"There is no time zone “{name}”. Give a name such as Europe/Berlin or UTC.")
    return ZoneInfo(name)


def cron_parse(text: str) -> Cron:
    """Raises CronError."""
    fields = text.split()
    if len(fields) != 5 or len(text) > 200:
        raise CronError("Give five fields: minute, hour, day of month, month, day of week.")
    ranges = ((60, 0), (24, 0), (31, 1), (12, 1), (7, 0))
    names = ("minute", "hour", "day of month", "month", "day of week")
    found = []
    for field, (most, least), name in zip(fields, ranges, names, strict=True):
        said = _SUNDAY.sub("0", field) if name == "day of week" else field
        try:
            values = crontab_parser(most, least).parse(said)
        except (ParseException, ValueError, TypeError, IndexError, KeyError, ZeroDivisionError) as error:
            raise CronError(f"“{field}” is no {name}.") from error
        if not values or min(values) < least or max(values) >= most + least:
            raise CronError(f"“{field}” is no {name}.")
        found.append(frozenset(values))
    minutes, hours, days, months, weekdays = found
    by_day, by_weekday = not fields[2].startswith("*"), not fields[4].startswith("*")
    return Cron(minutes, hours, days, months, weekdays, by_day, by_weekday, len(hours) == 24)


def cron_times(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments (UTC) after a moment at which it is due, in their order; ends where none is within eight years."""
    first = after.astimezone(zone).date() - timedelta(days=1)
    last = after
    for number in range(_DAYS):
        day = first + timedelta(days=number)
        if not cron.on(day):
            continue
        for moment in sorted(_elapsing(cron, zone, day) if cron.every_hour else _by_clock(cron, zone, day)):
            if moment > last:
                last = moment
                yield moment


def cron_next(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The next moment after one; None where there is none."""
    return next(cron_times(cron, zone, after), None)


def _by_clock(cron: Cron, zone: ZoneInfo, day: date) -> set[datetime]:
    """Of each time of the clock its first moment; a skipped one is the moment after the skip."""
    found = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            local = datetime.combine(day, time(hour, minute), zone)
            moment = local.astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
                moment = _skipped_until(local, zone)
            found.add(moment)
    return found


def _skipped_until(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after the skip that a time of the clock lies in: where the offset has changed."""
    after = local.replace(fold=1).utcoffset() or timedelta()
    before = local.replace(fold=0).utcoffset() or timedelta()
    low = (local.replace(tzinfo=None) - max(after, before)).replace(tzinfo=UTC)
    high = (local.replace(tzinfo=None) - min(after, before)).replace(tzinfo=UTC)
    start = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        middle = middle.replace(second=0, microsecond=0)
        if middle.astimezone(zone).utcoffset() == start:
            low = middle
        else:
            high = middle
    return high


def _elapsing(cron: Cron, zone: ZoneInfo, day: date) -> set[datetime]:
    """Every minute of a day that passes and fits."""
    moment = datetime.combine(day, time(0), zone).astimezone(UTC) - timedelta(hours=2)
    found = set()
    for _ in range(29 * 60):
        local = moment.astimezone(zone)
        if local.date() == day and local.minute in cron.minutes:
            found.add(moment)
        moment += timedelta(minutes=1)
    return found
