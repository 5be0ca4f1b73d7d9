"""Filters and tags for numbers, money and time; the words come from `apps.core.formats`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core import formats

register = template.Library()


@lru_cache(maxsize=4096, typed=True)
def _shown(text: str, reason: str = "") -> SafeString:
    if text == formats.UNDEFINED:
        title = format_html(' title="{}"', reason) if reason else ""
        return format_html('<span class="fw-undefined fw-tip"{}>–</span>', title)
    return format_html('<span class="fw-num">{}</span>', text)


@register.filter
def num(value: Any, reason: str = "") -> SafeString:
    """Three significant figures; the argument says why there is no number."""
    return _shown(formats.num(value), reason)


@register.filter
def decimals(value: Any, count: int = 3) -> SafeString:
    return _shown(formats.fixed(value, int(count)))


@register.filter
def percent(value: Any, count: int = 1) -> SafeString:
    return _shown(formats.percent(value, int(count)))


@register.filter
def points(value: Any) -> SafeString:
    return _shown(formats.points(value))


@register.filter
def difference(value: Any) -> SafeString:
    return _shown(formats.difference(value))


@register.filter
def bytes(value: Any) -> SafeString:  # the name is what a template author looks for
    return _shown(formats.size(value))


@register.filter
def duration(value: Any) -> SafeString:
    return _shown(formats.duration(value))


@register.filter
def money(minor: Any, currency: str = "EUR") -> SafeString:
    return _shown(formats.money(minor, currency))


@register.simple_tag
def interval(low: Any, high: Any, kind: str = "num") -> SafeString:
    """The small grey interval beside a value; nothing when it is not known."""
    text = formats.interval(low, high, kind)
    return format_html('<span class="fw-ci fw-num">{}</span>', text) if text else SafeString("")


@register.simple_tag
def estimate(value: Any, low: Any = None, high: Any = None, kind: str = "num", n: Any = None) -> SafeString:
    """A value with its interval, the count of rows on hover: 0.812 [0.790, 0.833]."""
    show = {"percent": formats.percent, "points": formats.points, "difference": formats.difference}
    text = show.get(kind, formats.num)(value)
    title = format_html(' title="n = {}"', formats.num(n)) if n is not None else ""
    return format_html('<span class="fw-num"{}>{}</span> {}', title, text, interval(low, high, kind))


@register.filter
def ago(moment: datetime | None) -> SafeString:
    """Relative time with the absolute one on hover, in the person's zone."""
    if moment is None:
        return _shown(formats.UNDEFINED)
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        formats.stamp(local),
        formats.ago(moment, timezone.now()),
    )


@register.filter
def day(moment: Any) -> SafeString:
    """A day, "3 Nov 2026"; the time on hover when there is one."""
    if moment is None:
        return _shown(formats.UNDEFINED)
    if isinstance(moment, datetime):
        local = timezone.localtime(moment)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            moment.isoformat(),
            formats.stamp(local),
            formats.day(local),
        )
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), formats.day(moment))
