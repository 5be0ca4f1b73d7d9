from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from apps.schedules.cron import CronError, cron_next, cron_parse, cron_times, zone_find

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(text: str, zone: ZoneInfo, after: str, count: int = 3) -> list[str]:
    found = islice(cron_times(cron_parse(text), zone, at(after)), count)
    return [f"{moment:%Y-%m-%dT%H:%M}" for moment in found]


def test_a_time_that_the_clock_skips_is_due_right_after_the_skip():
    # On 29 March 2026 clocks in Berlin go from 02:00 to 03:00, which is 01:00 UTC.
    assert times("30 2 * * *", BERLIN, "2026-03-28T00:00") == [
        "2026-03-28T01:30",
        "2026-03-29T01:00",
        "2026-03-30T00:30",
    ]


def test_a_time_that_the_clock_repeats_is_due_once_the_first_time():
    # On 25 October 2026 02:30 comes twice in Berlin: at 00:30 and at 01:30 UTC.
    assert times("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["2026-10-25T00:30", "2026-10-26T01:30"]
    # Asked between the two.
    assert times("30 2 * * *", BERLIN, "2026-10-25T01:00", 1) == ["2026-10-26T01:30"]


def test_every_hour_goes_by_the_time_that_passes():
    assert times("30 * * * *", BERLIN, "2026-03-29T00:00", 3) == [
        "2026-03-29T00:30",
        "2026-03-29T01:30",
        "2026-03-29T02:30",
    ]
    assert times("30 * * * *", BERLIN, "2026-10-24T23:45", 3) == [
        "2026-10-25T00:30",
        "2026-10-25T01:30",
        "2026-10-25T02:30",
    ]
    assert times("0 * * * *", NEW_YORK, "2026-11-01T04:30", 3) == [
        "2026-11-01T05:00",
        "2026-11-01T06:00",
        "2026-11-01T07:00",
    ]


def test_the_hour_of_the_wall_is_kept_over_the_year():
    assert times("0 9 1 * *", NEW_YORK, "2026-02-15T00:00", 2) == ["2026-03-01T14:00", "2026-04-01T13:00"]


def test_of_two_days_either_counts_and_names_and_seven_are_days():
    assert times("0 0 13 * fri", ZoneInfo("UTC"), "2026-02-01T00:00", 3) == [
        "2026-02-06T00:00",
        "2026-02-13T00:00",
        "2026-02-20T00:00",
    ]
    assert times("0 0 * * 7", ZoneInfo("UTC"), "2026-02-01T00:00", 1) == ["2026-02-08T00:00"]
    assert times("0 0 * * 5-7", ZoneInfo("UTC"), "2026-02-01T00:00", 3)[0] == "2026-02-06T00:00"


def test_a_day_of_every_fourth_year_is_found_and_one_that_is_none_is_not():
    assert times("0 0 29 2 *", ZoneInfo("UTC"), "2026-01-01T00:00", 1) == ["2028-02-29T00:00"]
    assert cron_next(cron_parse("0 0 31 2 *"), ZoneInfo("UTC"), at("2026-01-01T00:00")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "a * * * *",
        "1- * * * *",
        "1,,2 * * * *",
        "-1 * * * *",
        "* * * * *\x00",
        "9" * 300,
    ],
)
def test_what_is_no_expression_is_said(text):
    with pytest.raises(CronError):
        cron_parse(text)


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "\x00", "Europe/berlin "])
def test_what_is_no_zone_is_said(name):
    with pytest.raises(CronError):
        zone_find(name)
