"""Progress bars in what a program prints: steps, share and time left, as tqdm, keras and rich write them.

Reads text alone and believes little of it: long pieces are looked at by their end, numbers beyond reason are left out.
Standard library only.
"""

import re
from dataclasses import dataclass

LONGEST = 600
"""Bytes of one version of a line that are looked at: a bar is no longer."""
LABEL = 100
MOST_STEPS = 10**15
MOST_SECONDS = 10 * 366 * 86400.0
# A bar inside another is drawn anew many times; one that has been quiet while others ended so often was given up.
OTHERS_ENDED = 3

_ESCAPE = re.compile(r"\x1b\[[0-?]{0,40}[ -/]{0,4}[@-~]")
_NUMBER = r"\d{1,15}(?:\.\d{1,6})?[kKMGTP]?"
_CLOCK = r"(?:\d{1,7}:)?\d{1,2}:\d{2}"
_TQDM = re.compile(
    rf"(?P<percent>\d{{1,3}})%\|[^|]{{0,400}}\| *(?P<step>{_NUMBER})\w{{0,4}}/(?P<total>{_NUMBER})\w{{0,4}}"
    rf" *(?:\[{_CLOCK}<(?P<left>{_CLOCK}|\?))?"
)
_KERAS = re.compile(
    r"^ *(?P<step>\d{1,15})/(?P<total>\d{1,15}) +(?:\[[=>.#-]{3,200}\]|[━╸╺─]{3,200})"
    r"(?P<rest>[^\n]{0,200})"
)
_RICH = re.compile(rf"[━╸╺─]{{3,200}} +(?P<percent>\d{{1,3}})%(?: +(?P<left>{_CLOCK}))?")
_ETA = re.compile(rf"ETA: *(?P<left>{_CLOCK}|\d{{1,7}}s)|^ *(?P<short>{_CLOCK}|\d{{1,7}}s) ")
_SCALE = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


@dataclass(frozen=True, slots=True)
class Bar:
    """What a bar says: its label, steps done and in all (None: a share alone), the share 0 to 1, seconds left."""

    label: str
    step: int | None
    total: int | None
    fraction: float
    left: float | None

    @property
    def ended(self) -> bool:
        """It stands at its end."""
        return self.fraction >= 1.0


def bar_of(text: str) -> Bar | None:
    """The bar that a line is; None for any other line and for numbers that no bar has."""
    if not any(mark in text for mark in ("%|", "/", "%")):
        return None
    shown = _ESCAPE.sub("", text)[-LONGEST:]
    if found := _TQDM.search(shown):
        return _counted(shown[: found.start()], found["step"], found["total"], _seconds(found["left"]))
    if found := _KERAS.match(shown):
        eta = _ETA.search(found["rest"])
        return _counted("", found["step"], found["total"], _seconds(eta["left"] or eta["short"]) if eta else None)
    if (found := _RICH.search(shown)) and int(found["percent"]) <= 100:
        share = int(found["percent"]) / 100
        return Bar(_label(shown[: found.start()]), None, None, share, _seconds(found["left"]))
    return None


def _counted(before: str, step: str, total: str, left: float | None) -> Bar | None:
    done, whole = _number(step), _number(total)
    if not 0 < whole <= MOST_STEPS or not 0 <= done <= whole:
        return None
    return Bar(_label(before), int(done), int(whole), done / whole, left)


def _number(text: str) -> float:
    scale = _SCALE.get(text[-1], 1)
    return float(text[:-1] if scale > 1 else text) * scale


def _label(before: str) -> str:
    """What stands before the bar, without what cannot be shown on one line."""
    return "".join(sign for sign in before if sign.isprintable()).strip().rstrip(":").strip()[-LABEL:]


def _seconds(text: str | None) -> float | None:
    """Seconds of "1:02:03", "00:22" or "22s"; None for "?" and for more than ten years."""
    if not text or text == "?":
        return None
    seconds = 0.0
    for part in text.rstrip("s").split(":"):
        seconds = seconds * 60 + int(part)
    return seconds if seconds <= MOST_SECONDS else None


class BarReader:
    """Finds the newest state of the leading bar in raw output that comes in pieces.

    Of bars inside each other the outer one leads: it was seen first. It keeps at most LONGEST bytes.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._lead: str | None = None
        self._others_ended = 0

    def feed(self, data: bytes) -> Bar | None:
        """The leading bar as of these bytes; None when they draw none."""
        *whole, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        found: Bar | None = None
        for piece in whole:
            found = self._take(piece) or found
        # A bar is drawn without an end of line; what is read twice says the same.
        found = self._take(rest) or found
        self._rest = rest[-LONGEST * 2 :]
        return found

    def _take(self, piece: bytes) -> Bar | None:
        if b"/" not in piece and b"%" not in piece:
            return None
        bar = bar_of(piece[-LONGEST * 2 :].decode("utf-8", "replace"))
        if bar is None:
            return None
        if self._lead is None or bar.label == self._lead:
            self._lead, self._others_ended = (None if bar.ended else bar.label), 0
            return bar
        self._others_ended += bar.ended
        if self._others_ended < OTHERS_ENDED:
            return None
        self._lead, self._others_ended = (None if bar.ended else bar.label), 0
        return bar


class OpenLine:
    """What a program printed since its last end of a line, so that others can say something without spoiling it."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> None:
        """Notes output as it passes."""
        self._rest = (self._rest + data).rpartition(b"\n")[2][-LONGEST:]

    def before(self) -> str:
        """What to print before a line of one's own: a bar is drawn over, for it is drawn again; text is ended first."""
        held, self._rest = self._rest, b""
        return "" if not held else "\r" if b"\r" in held else "\n"
