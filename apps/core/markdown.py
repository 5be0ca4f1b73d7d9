"""Markdown that people write, as HTML: no HTML of theirs passes, no picture loads, links lead to the web or mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

# Headings of notes stand below the page's and the card's.
_DEEPER = 2


def _heading(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    token = tokens[place]
    token.tag = f"h{min(6, int(token.tag[1]) + _DEEPER)}"
    return renderer.renderToken(tokens, place, options, env)


def _link(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:
    tokens[place].attrSet("rel", "noopener noreferrer nofollow")
    return renderer.renderToken(tokens, place, options, env)


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    # Only what leaves nothing to run: no javascript:, data: or file:.
    reader.validateLink = lambda url: url.lower().startswith(("https://", "http://", "mailto:", "/", "#"))  # type: ignore[method-assign]
    for name in ("heading_open", "heading_close"):
        reader.add_render_rule(name, _heading)
    reader.add_render_rule("link_open", _link)
    return reader


_READER = _reader()


def markdown_html(text: str) -> SafeString:
    """CommonMark with tables and strikethrough as safe HTML; HTML in it is shown as text."""
    html: str = _READER.render(text)
    return mark_safe(html)  # noqa: S308 - the reader escapes everything that is not Markdown
