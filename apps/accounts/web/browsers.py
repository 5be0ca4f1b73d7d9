"""What a browser calls itself, in two words: people end sessions by what they recognise."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

# Each names the ones below it too, so the first that fits counts.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:A|iOS)?/(\d+)")),
    ("Opera", re.compile(r"\bOPR/(\d+)")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/(\d+)")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/(\d+)")),
    ("Chrome", re.compile(r"\b(?:Headless)?(?:Chrome|CriOS)/(\d+)")),
    ("Safari", re.compile(r"\bVersion/(\d+)[\d.]* (?:Mobile/\S+ )?Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
LONGEST = 60


def browser_name(agent: str) -> str:
    """ "Firefox 140 on Linux"; what is not recognised is shown as it calls itself, shortened; nothing is "unknown"."""
    browser = next((f"{name} {hit[1]}" for name, pattern in _BROWSERS if (hit := pattern.search(agent))), "")
    system = next((name for name, pattern in _SYSTEMS if pattern.search(agent)), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    text = agent.strip()
    return (text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…") or "unknown"


def browsers_attach(sessions: Iterable[Any]) -> list[Any]:
    """Give each session `browser`, its name in words."""
    rows = list(sessions)
    for session in rows:
        session.browser = browser_name(session.user_agent)
    return rows
