from __future__ import annotations

import pytest

from apps.core.markdown import markdown_html


def test_what_people_write_reads_as_they_mean_it():
    text = "# Why\n\nIt **helped**:\n\n- [paper](https://example.org/a)\n\n| a | b |\n|---|---|\n| 1 | ~~2~~ |\n"
    html = markdown_html(text)

    assert "<h3>Why</h3>" in html
    assert "<strong>helped</strong>" in html
    assert '<a href="https://example.org/a" rel="noopener noreferrer nofollow">paper</a>' in html
    assert "<td><s>2</s></td>" in html


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "![x](https://tracker.example.org/pixel.gif)",
        '<https://example.org/" onmouseover=alert(1)>',
        '[x](https://example.org "\\" onmouseover=alert(1)")',
        "[a]: javascript:alert(1)\n\n[a]",
        '```" onload=alert(1)\nx\n```',
    ],
)
def test_nothing_of_theirs_runs_or_loads(attack):
    from html.parser import HTMLParser

    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.append((tag, dict(attributes)))

    Reader().feed(markdown_html(attack))

    assert not {tag for tag, _ in found} & {"script", "img", "iframe", "object", "form", "style", "svg"}
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    links = [attributes.get("href", "") for tag, attributes in found if tag == "a"]
    assert all(link.startswith(("https://", "http://", "mailto:", "/", "#")) for link in links)
