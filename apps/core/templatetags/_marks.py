"""Icons, state shapes, short ids, code: the smallest pieces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.formats import short_id as shorten
from apps.core.markdown import markdown_html
from apps.core.states import TONE_MARKS, state_look

register = template.Library()
SPRITE = "vendor/icons.svg"


@cache
def _sprite() -> str:
    # A page draws a hundred marks, and the address of the file holds as long as the process.
    return static(SPRITE)


# The smallest pieces are few and drawn a hundred times a page. By type too: a text marked as safe equals the same text
# from a person, and only one of them is written as it is.
_kept = lru_cache(maxsize=2048, typed=True)


@register.simple_tag
@_kept
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """An outline icon; decorative unless it has a label."""
    href = f"{_sprite()}#i-{name}"
    if label:
        return format_html('<svg class="fw-ic {}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href)
    return format_html('<svg class="fw-ic {}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def marked(text: str, place: Sequence[int] | None) -> SafeString | str:
    """A text with the characters from place[0] up to place[1] set apart; as it is when there are none."""
    if not place or place[0] >= place[1]:
        return text
    start, end = place
    return format_html("{}<mark>{}</mark>{}", text[:start], text[start:end], text[end:])


@register.filter
def markdown(text: str) -> SafeString:
    """What people write in Markdown, as safe HTML."""
    return markdown_html(text or "")


@register.simple_tag
@_kept
def mark(shape: str, css: str = "") -> SafeString:
    """A state shape; the word beside it carries the meaning."""
    spin = "fw-spin" if shape == "spin" else ""
    return format_html(
        '<svg class="fw-mk {} {}" viewBox="0 0 16 16" aria-hidden="true"><use href="{}#m-{}"/></svg>',
        css,
        spin,
        _sprite(),
        shape,
    )


@register.simple_tag
def tone_mark(tone: str, css: str = "") -> SafeString:
    """The shape of a tone, coloured."""
    return mark(TONE_MARKS.get(tone, "dashed"), f"t-{tone} {css}")


@register.simple_tag
def state(code: Any, word: str = "", css: str = "", title: str = "") -> SafeString:
    """A state in running text or a table cell: shape, colour and word."""
    look = state_look(code, word)
    hint = format_html(' title="{}"', title) if title else ""
    return format_html(
        '<span class="fw-state fw-state--{} {}"{}>{}{}</span>', look.tone, css, hint, mark(look.mark), look.word
    )


@register.simple_tag
def badge(code: Any, word: str = "", title: str = "") -> SafeString:
    """The one state badge of a page head."""
    return state(code, word, "fw-badge", title)


@register.simple_tag
def short_id(value: Any, url: str = "", copy: bool = True) -> SafeString:
    """A shortened id in monospace, copied whole in one click, linked when `url` is given."""
    full = getattr(value, "hex", None) or str(value)
    text = (
        format_html('<a class="fw-id" href="{}">{}</a>', url, shorten(value))
        if url
        else format_html('<code class="fw-id" title="{}">{}</code>', full, shorten(value))
    )
    if not copy:
        return text
    return format_html('<span class="fw-idc">{}{}</span>', text, copy_button(full, "Copy the whole id"))


@register.simple_tag
def copy_button(text: str, label: str = "Copy") -> SafeString:
    """Copies `text` to the clipboard."""
    return format_html(
        '<copy-button data-text="{}"><button type="button" aria-label="{}" title="{}">{}</button></copy-button>',
        text,
        label,
        label,
        icon("copy"),
    )


@register.inclusion_tag("components/code.html")
def code(text: str, label: str = "Example") -> dict[str, Any]:
    """A block of code that scrolls by itself and is copied in one click."""
    return {"text": text, "label": label}
