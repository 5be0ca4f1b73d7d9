"""Pages of a PDF that fill from top to bottom: headings, paragraphs, tables that go on, pictures.

All lengths are points (1/72 inch) from the top left corner of an A4 page. Text stays text: it can be searched and
copied, in every script that the fonts of the machine know (DejaVu comes with the library).
"""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import matplotlib
from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from analysis.contracts.wording import THIN
from workers.exporting.tables import Column, Line, Table

WIDTH: Final = 595.0
HEIGHT: Final = 842.0
LEFT: Final = 44.0
TOP: Final = 46.0
BOTTOM: Final = 56.0
INNER: Final = WIDTH - 2 * LEFT
LEADING: Final = 1.38
GAP: Final = 6.0
FINE: Final = 10
"""Widths are measured so many times larger than they are drawn, where no pixel rounds them."""
INK: Final = "#16202a"
QUIET: Final = "#5a6772"
RULE: Final = "#dfe4e8"
TONES: Final = {"worse": "#b34a00", "better": "#005c91"}
_WIDER: Final = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans", "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans"),
    *("Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans"),
)
"""Fonts that machines have for scripts that DejaVu has not."""


def fonts() -> list[str]:
    """DejaVu, then what this machine has besides."""
    held = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(name for name in _WIDER if name in held)]


class Sheets:
    """Collects pages; `save` numbers and writes them."""

    def __init__(self, title: str, foot: str) -> None:
        self._title = title
        self._foot = foot
        self._family = fonts()
        self._pages: list[Figure] = []
        self._y = 0.0
        self._ruler: Any = RendererAgg(10, 10, 72 * FINE)  # type: ignore[no-untyped-call]
        self._page()

    @property
    def left(self) -> float:
        """Points that are left on this page."""
        return HEIGHT - BOTTOM - self._y

    def need(self, height: float) -> None:
        """Begin a new page when this one has less room."""
        if self.left < height:
            self._page()

    def space(self, height: float) -> None:
        """Leave some room free."""
        self._y += height

    def heading(self, text: str, size: float = 12.5, *, keep: float = 90.0) -> None:
        """A heading that does not stand alone at the foot of a page."""
        lines = self.wrap(text, INNER, size, bold=True)
        self.need(len(lines) * size * LEADING + keep)
        self.paragraph(text, size, bold=True)
        self._y += 3

    def paragraph(self, text: str, size: float = 9.0, *, colour: str = INK, bold: bool = False) -> None:
        """Wrapped text over the whole width."""
        for line in self.wrap(text, INNER, size, bold=bold):
            self.need(size * LEADING)
            self.text(LEFT, self._y, line, size, colour=colour, bold=bold)
            self._y += size * LEADING

    def band(self, text: str, more: str, tone: str) -> None:
        """The verdict: a bar in its colour, the sentence, what is got in return."""
        size, inner = 13.0, INNER - 14
        lines = self.wrap(text, inner, size, bold=True)
        rest = self.wrap(more, inner, 9.5) if more else []
        height = len(lines) * size * LEADING + len(rest) * 9.5 * LEADING + 8
        self.need(height)
        self._box(LEFT, self._y, 3.5, height, TONES.get(tone, QUIET))
        y = self._y + 4
        for line in lines:
            self.text(LEFT + 14, y, line, size, bold=True)
            y += size * LEADING
        for line in rest:
            self.text(LEFT + 14, y, line, 9.5, colour=QUIET)
            y += 9.5 * LEADING
        self._y += height + 10

    def pairs(self, rows: Sequence[tuple[str, str]], size: float = 8.5) -> None:
        """Labels with their values, a line each."""
        first = 118.0
        for label, value in rows:
            lines = self.wrap(value, INNER - first, size)
            self.need(len(lines) * size * LEADING + 2)
            self.text(LEFT, self._y, label, size, colour=QUIET)
            for index, line in enumerate(lines):
                self.text(LEFT + first, self._y + index * size * LEADING, line, size)
            self._y += len(lines) * size * LEADING + 1.5

    def table(self, table: Table, size: float = 7.6) -> None:
        """Head and lines; the head is repeated on each page."""
        share = INNER / sum(column.width for column in table.columns)
        edges = [LEFT]
        for column in table.columns:
            edges.append(edges[-1] + share * column.width)
        self._head(table.columns, edges, size)
        for line in table.lines:
            cells = [
                self.wrap(cell, right - left - GAP, size)
                for cell, left, right in zip(line.cells, edges, edges[1:], strict=False)
            ]
            height = max(1, *(len(cell) for cell in cells)) * size * LEADING + 4
            if self.left < height:
                self._page()
                self._head(table.columns, edges, size)
            self._row(table, edges, cells, line, size)
            self._y += height
            self._rule()
        self._y += 3
        for note in table.notes:
            self.paragraph(note, 7.2, colour=QUIET)
        self._y += 8

    def _head(self, columns: Sequence[Column], edges: Sequence[float], size: float) -> None:
        names = [
            self.wrap(one.name, right - left - GAP, size)
            for one, left, right in zip(columns, edges, edges[1:], strict=False)
        ]
        height = max(len(name) for name in names) * size * LEADING + 3
        self.need(height + 3 * size * LEADING)
        for column, name, left, right in zip(columns, names, edges, edges[1:], strict=False):
            for index, text in enumerate(name):
                at, side = (right - GAP, "right") if column.number else (left, "left")
                self.text(at, self._y + index * size * LEADING, text, size, colour=QUIET, side=side)
        self._y += height
        self._rule()

    def _row(self, table: Table, edges: Sequence[float], cells: list[list[str]], line: Line, size: float) -> None:
        for place, (column, cell) in enumerate(zip(table.columns, cells, strict=True)):
            colour = QUIET if line.quiet and place else INK
            if place == table.tone_column and line.tone:
                colour = TONES.get(line.tone, INK)
            at, side = (edges[place + 1] - GAP, "right") if column.number else (edges[place], "left")
            for index, text in enumerate(cell):
                self.text(at, self._y + 2 + index * size * LEADING, text, size, colour=colour, side=side)

    def picture(self, height: float, draw: Callable[[Any], None], *, x: float = 0.0, width: float = INNER) -> None:
        """Axes in a box at `x` from the left margin; `draw` fills them. The place stays: see `space`."""
        figure = self._pages[-1]
        bottom = HEIGHT - self._y - height
        axes = figure.add_axes(((LEFT + x) / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))
        draw(axes)

    def text(
        self, x: float, y: float, text: str, size: float, *, colour: str = INK, bold: bool = False, side: str = "left"
    ) -> None:
        """One line whose top is at y; never a formula."""
        self._pages[-1].text(
            x / WIDTH,
            1 - (y + 0.93 * size) / HEIGHT,
            text,
            fontproperties=self._font(size, bold),
            color=colour,
            ha=side,
            va="baseline",
            parse_math=False,
        )

    def wrap(self, text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
        """Lines that fit; a word that is longer than a line is cut."""
        lines: list[str] = []
        line = ""
        for word in one_line(text).split(" "):
            wider = f"{line} {word}" if line else word
            if self._wide(wider, size, bold) <= width:
                line = wider
                continue
            if line:
                lines.append(line)
            while self._wide(word, size, bold) > width and len(word) > 1:
                fits = next((n for n in range(len(word) - 1, 1, -1) if self._wide(word[:n], size, bold) <= width), 1)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        lines.append(line)
        return lines

    def _wide(self, text: str, size: float, bold: bool) -> float:
        if not text:
            return 0.0
        width, _, _ = self._ruler.get_text_width_height_descent(text, self._font(size, bold), False)
        return float(width) / FINE

    def _font(self, size: float, bold: bool) -> FontProperties:
        return FontProperties(family=self._family, size=size, weight="bold" if bold else "normal")

    def _page(self) -> None:
        self._pages.append(Figure(figsize=(WIDTH / 72, HEIGHT / 72)))
        self._y = TOP

    def _rule(self) -> None:
        self._box(LEFT, self._y, INNER, 0.5, RULE)

    def _box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        place = (x / WIDTH, 1 - (y + height) / HEIGHT)
        figure = self._pages[-1]
        patch = Rectangle(place, width / WIDTH, height / HEIGHT, transform=figure.transFigure, facecolor=colour, lw=0)
        figure.add_artist(patch)

    def save(self, made: datetime) -> bytes:
        """The file: each page with its foot and number, dated `made`."""
        for number, figure in enumerate(self._pages, 1):
            for text, at, side in (
                (self._foot, LEFT, "left"),
                (f"Page {number} of {len(self._pages)}", WIDTH - LEFT, "right"),
            ):
                figure.text(
                    at / WIDTH, 26 / HEIGHT, text, fontproperties=self._font(7.5, False), color=QUIET, ha=side,
                    parse_math=False,
                )  # fmt: skip
        buffer = io.BytesIO()
        facts = {"Title": self._title, "Creator": "Fairway", "CreationDate": made, "ModDate": made}
        with PdfPages(buffer, metadata=facts) as file:
            for figure in self._pages:
                file.savefig(figure)
        return buffer.getvalue()


def one_line(text: str) -> str:
    """A text without line breaks and other characters that no font draws."""
    return "".join(sign if sign.isprintable() or sign in THIN else " " for sign in text)


@contextmanager
def settings() -> Iterator[None]:
    """The library's settings while a file is made: TrueType fonts, no formulas, quiet axes."""
    wanted: Any = (
        {
            "axes.edgecolor": RULE, "xtick.color": QUIET, "ytick.color": QUIET, "axes.labelcolor": QUIET,
            "pdf.fonttype": 42, "text.parse_math": False, "font.family": fonts(), "font.size": 7.5,
            "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7, "axes.unicode_minus": True,
            "xtick.major.size": 2, "ytick.major.size": 2,
        }
    )  # fmt: skip
    with warnings.catch_warnings(), matplotlib.rc_context(wanted):
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # drawn as a box: no font here knows it
        yield
