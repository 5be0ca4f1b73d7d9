"""The HTML report: one file that opens offline, reads without JavaScript and prints.

Its content policy allows the two scripts in it by their hashes and nothing from anywhere else.
"""

import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path
from typing import Any, Final

from workers.exporting.behaved import behaviour_table, combination_table
from workers.exporting.evidence import Evidence
from workers.exporting.figures import curve_figures, forest_figure
from workers.exporting.found import fairness_table, flips_table, gaps_table, slices_table
from workers.exporting.head import facts_of, methods_of, title_of
from workers.exporting.tables import (
    Line,
    Table,
    cut,
    gates_table,
    hidden_table,
    overall_table,
    segment_table,
)

_HERE: Final = Path(__file__).resolve().parent
_JSON: Final = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_MONO: Final = frozenset({"Model files", "Data digest", "Row digest", "Report digest", "Findings digest"})
MOST_HIDDEN: Final = 200


def html_make(evidence: Evidence, charts: str) -> str:
    """The page; `charts` is the source of Plotly's strict bundle."""
    scripts = [script_safe(charts), (_HERE / "page.js").read_text(encoding="utf-8")]
    title = title_of(evidence)
    policy = (
        f"default-src 'none'; script-src {' '.join(_hash(one) for one in scripts)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    body = "\n".join(_body(evidence, title))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}, {escape(evidence.facts.model)}</title>\n"
        f"<style>{(_HERE / 'page.css').read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"{''.join(f'<script>{one}</script>' for one in scripts)}\n</body>\n</html>\n"
    )


def script_safe(source: str) -> str:
    """A script that may stand in a page: what would end the element is written another way that means the same."""
    return re.sub(r"</(?=script)", r"<\\/", re.sub(r"<!--", r"<\\!--", source), flags=re.I)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _body(evidence: Evidence, title: str) -> list[str]:
    facts = evidence.facts
    more = f"<p>{escape(facts.more)}</p>" if facts.more else ""
    parts = [
        f'<header><p class="of">{escape(facts.problem)}</p><h1>{escape(title)}</h1></header>',
        f'<section class="verdict verdict--{escape(facts.tone)}" aria-label="Verdict"><p class="sentence">'
        f"{escape(facts.headline)}</p>{more}</section>",
        f'<section aria-labelledby="h-facts"><h2 id="h-facts">What was judged</h2>{_facts(evidence)}</section>',
    ]
    gates = gates_table(evidence)
    parts += [_section(gates)] if gates is not None else []
    for metric in evidence.charted:
        title = f"{evidence.head(metric)} by segment"
        parts.append(_section(segment_table(evidence, metric), title, figure=forest_figure(evidence, metric)))
    parts.append(_section(overall_table(evidence)))
    parts.append(_curves(evidence))
    for table, said in (
        (gaps_table(evidence), ""),
        (fairness_table(evidence), facts.fairness),
        (flips_table(evidence), facts.flips),
        (slices_table(evidence), facts.slices),
        (behaviour_table(evidence), facts.behaviour),
        (combination_table(evidence), facts.combination),
    ):
        if table is not None:
            parts.append(_section(table, said=said))
        elif said:
            parts.append(f"<section><p>{escape(said)}</p></section>")
    parts.append(_others(evidence))
    hidden = hidden_table(evidence)
    parts += [_section(cut(hidden, MOST_HIDDEN, "are in the Parquet export."))] if hidden is not None else []
    methods = "".join(f"<li>{escape(one)}</li>" for one in methods_of(evidence))
    heading = '<h2 id="h-how">How this was measured</h2>'
    parts.append(f'<section aria-labelledby="h-how">{heading}<ul>{methods}</ul></section>')
    parts.append("<footer>Made by Fairway from the sealed report of the evaluation.</footer>")
    return [part for part in parts if part]


def _facts(evidence: Evidence) -> str:
    pairs = []
    for label, text in facts_of(evidence):
        value = f"<code>{escape(text)}</code>" if label in _MONO else escape(text)
        pairs.append(f"<div><dt>{escape(label)}</dt><dd>{value}</dd></div>")
    return f"<dl>{''.join(pairs)}</dl>"


def _section(table: Table, title: str = "", *, said: str = "", figure: dict[str, Any] | None = None) -> str:
    """A heading, a sentence, the chart and the table with the same numbers."""
    key = escape(table.key)
    words = f"<p>{escape(said)}</p>" if said else ""
    chart = _figure(figure, f"{title}, chart") if figure is not None else ""
    return (
        f'<section aria-labelledby="h-{key}"><h2 id="h-{key}">{escape(title or table.title)}</h2>{words}{chart}'
        f"{_table(table, title or table.title)}</section>"
    )


def _table(table: Table, label: str) -> str:
    heads = "".join(
        f'<th scope="col"{" class=n" if column.number else ""}>{escape(column.name)}</th>' for column in table.columns
    )
    lines = "".join(_line(table, line) for line in table.lines)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}, table"><table><thead><tr>{heads}'
        f"</tr></thead><tbody>{lines}</tbody></table></div>{notes}"
    )


def _line(table: Table, line: Line) -> str:
    first, *rest = line.cells
    cells = "".join(f"<td{_look(table, line, place)}>{escape(cell)}</td>" for place, cell in enumerate(rest, 1))
    return f'<tr{" class=quiet" if line.quiet else ""}><th scope="row">{escape(first)}</th>{cells}</tr>'


def _look(table: Table, line: Line, place: int) -> str:
    """The classes of a cell as an attribute."""
    names = ["n"] if table.columns[place].number else []
    names += [f"t-{line.tone}"] if line.tone and place == table.tone_column else []
    return f' class="{" ".join(names)}"' if names else ""


def _figure(figure: dict[str, Any], label: str, caption: str = "") -> str:
    """A chart that is shown once it is drawn; its data are inert."""
    data = json.dumps(figure, allow_nan=False, separators=(",", ":")).translate(_JSON)
    head = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure data-chart hidden>{head}<div role="img" aria-label="{escape(label)}"></div>'
        f'<script type="application/json">{data}</script></figure>'
    )


def _curves(evidence: Evidence) -> str:
    figures = curve_figures(evidence)
    if not figures:
        return ""
    drawn = "".join(_figure(figure, f"{title}, chart", title) for _, title, figure in figures)
    return (
        f'<section aria-labelledby="h-curves"><h2 id="h-curves">Curves, everyone</h2><div class="pair">{drawn}</div>'
        '<p class="note">The areas and errors that belong to the curves are in the table of every metric; each point '
        "is in the CSV of curves.</p></section>"
    )


def _others(evidence: Evidence) -> str:
    """Every other metric by segment, folded."""
    charted = {metric.name for metric in evidence.charted}
    rest = [metric for metric in evidence.metrics if metric.name not in charted]
    if not rest:
        return ""
    folds = "".join(
        f"<details><summary>{escape(evidence.head(metric))}</summary>"
        f"{_table(segment_table(evidence, metric), evidence.head(metric))}</details>"
        for metric in rest
    )
    return f'<section aria-labelledby="h-rest"><h2 id="h-rest">Other metrics by segment</h2>{folds}</section>'
