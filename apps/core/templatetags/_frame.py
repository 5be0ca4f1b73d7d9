"""The frame: rail, tab bar, the fairway strip, rights and addresses that may not exist yet."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import formats
from apps.core.counting import counts_of
from apps.core.registries import STATIONS, NavEntry, Station, station_list
from apps.core.states import TONE_MARKS

register = template.Library()
# What the tab bar of a phone shows first; the rest is behind "More".
_FIRST_KEYS = ("home", "problems", "experiments", "reviews")


@cache
def _fixed_url(*names: str) -> str:
    """A page asks for two dozen addresses that hold as long as the process."""
    return _url(*names)


def _url(*names: str, args: tuple[Any, ...] = ()) -> str:
    for name in names:
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            continue
    return ""


def _path_fits(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url))


def _entry_row(entry: NavEntry, url: str, count: int) -> dict[str, Any]:
    return {
        "key": entry.key,
        "label": entry.label,
        "icon": entry.icon,
        "url": url,
        "shortcut": entry.shortcut,
        "count": count,
        "current": False,
    }


def navigation_rows(context: Context) -> list[dict[str, Any]]:
    """Entries that exist, with count and the one that the page lies under; computed once per page."""
    request: HttpRequest | None = context.get("request")
    cached = getattr(request, "_fairway_navigation", None)
    if cached is not None:
        return list(cached)
    actor, team = context.get("actor"), context.get("team")
    shown = [(entry, url) for entry in context.get("navigation") or () if (url := _fixed_url(entry.url_name))]
    counted = {e.key: e.counted(actor, team.pk if team else None) for e, _ in shown if e.counted and actor}
    counts = counts_of(counted)
    rows = [_entry_row(entry, url, counts.get(entry.key, 0)) for entry, url in shown]
    path = request.path if request else ""
    wanted = context.get("nav_key")
    fitting = [row for row in rows if (row["key"] == wanted if wanted else _path_fits(path, row["url"]))]
    if fitting:
        max(fitting, key=lambda row: len(row["url"]))["current"] = True
    if request is not None:
        request._fairway_navigation = rows  # type: ignore[attr-defined]
    return rows


@register.inclusion_tag("components/rail.html", takes_context=True)
def rail(context: Context) -> dict[str, Any]:
    return {"entries": navigation_rows(context), "home": _fixed_url("home") or "/"}


@register.inclusion_tag("components/tabbar.html", takes_context=True)
def tabbar(context: Context) -> dict[str, Any]:
    """Five places at most: four entries and the rest."""
    rows = navigation_rows(context)
    if len(rows) <= 5:
        return {"first": rows, "more": []}
    first = [row for row in rows if row["key"] in _FIRST_KEYS]
    first += [row for row in rows if row not in first][: 4 - len(first)]
    return {"first": first, "more": [row for row in rows if row not in first]}


@register.simple_tag
def find_url(*names: str, arg: Any = None) -> str:
    """The first of these addresses that exists, else an empty string: nothing leads to what is not built."""
    return _fixed_url(*names) if arg is None else _url(*names, args=(arg,))


@register.simple_tag(takes_context=True)
def can(context: Context, verb: str, team: Any = None) -> bool:
    """May the person of this page do `verb` in the team (given as row or id; default: the page's team)?"""
    actor = context.get("actor")
    if actor is None:
        return False
    team = team if team is not None else context.get("team")
    return bool(actor.can(verb, getattr(team, "pk", team)))


@register.filter
def initials(person: Any) -> str:
    """Two letters for the person button."""
    words = str(person or "?").replace("@", " ").replace(".", " ").replace("_", " ").split()
    letters = words[0][0] + words[1][0] if len(words) > 1 else (words or ["?"])[0][:2]
    return letters.upper()


def _station_mark(station: Station) -> str:
    if station.live:
        return "play" if station.tone in ("good", "live", "none") else TONE_MARKS.get(station.tone, "play")
    if station.tone in ("good", "warn", "bad"):
        return TONE_MARKS[station.tone]
    return "ring" if station.here or station.tone == "info" else "dashed"


def _station_row(station: Station, here: str, *, named: bool = False) -> dict[str, Any]:
    tone = "live" if station.live and station.tone in ("good", "none") else station.tone
    classes = ["is-here" if station.here else "", "is-ahead" if station.ahead and not station.live else ""]
    classes.append("is-live" if station.live else "")
    told = station.state if station.here or station.tone in ("bad", "warn") else station.object_label
    if named and station.of and told == station.state:
        told = f"{station.of}: {station.state}"
    return {
        "station": station,
        "mark": _station_mark(station),
        "mark_tone": f"t-{tone}" if tone in ("bad", "warn", "live") else "",
        "css": " ".join(filter(None, classes)),
        "told": told or station.state,
        "current": station.key == here,
    }


@register.inclusion_tag("components/strip.html", takes_context=True)
def fairway_strip(
    context: Context,
    problem_id: uuid.UUID | str,
    here: str = "",
    full: bool = False,
    now: bool = False,
    named: bool = False,
) -> dict[str, Any]:
    """The strip of a problem: `full` on the problem page, one line elsewhere with `here` as its station.

    The line is fetched by the page that it lies on, so that what the page is about does not wait for what every
    room says of the whole problem; `now` draws it at once, which is what that fetch gets. Stations speak of the newest
    of their things. `named` on pages about one of several: a state names the thing that it is the state of, so that the
    newest evaluation's gates are not taken for those of the page.
    """
    actor = context.get("actor")
    identity = problem_id if isinstance(problem_id, uuid.UUID) else uuid.UUID(str(problem_id))
    if actor and not (full or now):
        return {"later": identity, "here": here, "named": named, "names": STATIONS}
    stations = station_list(actor, identity) if actor else []
    saying = next((s for s in stations if s.here and s.say), next((s for s in stations if s.say), None))
    rows = [_station_row(s, here, named=named) for s in stations]
    # The line asks again when a live part of its page says that something has changed.
    again = {"again": identity, "here": here, "named": named}
    return {"rows": rows, "full": full, "saying": saying, **again}


@register.simple_tag
def count_word(count: Any, one: str, many: str = "") -> SafeString:
    """A count with its noun: "1 run", "50 001 runs"."""
    word = one if count == 1 else many or f"{one}s"
    return format_html('<span class="fw-num">{} {}</span>', formats.num(count), word)
