"""Every format tells the numbers of the report, says what is hidden, and takes no label for its own."""

import io
import json
import re
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pypdf import PdfReader

from analysis.contracts.metrics import metric_get
from analysis.contracts.report import Report
from workers.contracts.exports import FORMATS, HTML, MODEL_CARD, PARQUET, PDF, Facts, FactsError
from workers.exporting.card import card_make
from workers.exporting.evidence import Evidence
from workers.exporting.long_table import COLUMNS, parquet_make
from workers.exporting.page import html_make, script_safe
from workers.exporting.pdf import pdf_make
from workers.exporting.tables import changed, valued
from workers.exporting.tests.making import HOSTILE, RARE, evidence_make, evidence_other

CHARTS = "globalThis.Plotly = { react() {} };"


@cache
def evidence() -> Evidence:
    return evidence_make()


@cache
def made(code: str) -> bytes:
    """The file of the evidence in one format."""
    if code == PARQUET:
        return parquet_make(evidence())
    if code == PDF:
        return pdf_make(evidence())
    return (html_make(evidence(), CHARTS) if code == HTML else card_make(evidence())).encode()


@cache
def pdf_text() -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(made(PDF))).pages)


def table() -> pa.Table:
    return pq.read_table(io.BytesIO(made(PARQUET)))


def told(report: Report, key: str = "Age=35 and over") -> tuple[str, str]:
    """The value and the change of the verdict's metric in one group, as pages round them."""
    group, metric = report.group(key), metric_get("fnr")
    assert group is not None
    assert group.paired is not None
    return valued(metric, group.metrics["fnr"]), changed(metric, group.paired.differences["fnr"])


def attributes(page: str) -> set[str]:
    """The names of all attributes of the page's elements, as a browser reads it."""
    names: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names.update(name for name, _ in attrs)

    Reader().feed(page)
    return names


def plain(text: str) -> str:
    """One line, with ordinary spaces."""
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("code", FORMATS)
def test_a_file_begins_as_its_format_does(code):
    assert made(code).startswith(FORMATS[code].begins)


def test_parquet_holds_every_number_of_the_report_in_full():
    report, rows = evidence().report, table().to_pylist()

    found = {(row["group"], row["side"], row["metric"]): row for row in rows if row["metric"]}
    for group in report.groups:
        for name, one in group.metrics.items():
            row = found[(group.key, "candidate", name)]
            assert (row["value"], row["low"], row["high"], row["denominator"], row["method"]) == (
                *(one.value, one.low, one.high, one.n, one.method),
            )
        for name, before in (group.baseline or {}).items():
            assert found[(group.key, "baseline", name)]["value"] == before.value
        for name, change in (group.paired.differences if group.paired else {}).items():
            row = found[(group.key, "difference", name)]
            assert (row["value"], row["p_adjusted"], row["verdict"]) == (
                *(change.value, change.p_adjusted, change.verdict),
            )
    assert {row["depth"] for row in rows} == {0, 1, 2, None}, "a behaviour test is of no group"
    assert table().column_names == [name for name, _ in COLUMNS]


def test_parquet_names_what_it_is_about():
    metadata = {key.decode(): value.decode() for key, value in table().schema.metadata.items()}

    facts = evidence().facts
    assert metadata["fairway:evaluation"] == facts.evaluation_id
    assert metadata["fairway:candidate"] == "release version 4"
    assert metadata["fairway:report_digest"] == facts.report_digest
    assert metadata["fairway:data_digest"] == facts.data_digest
    assert metadata["fairway:row_digest"] == evidence().report.row_digest


def test_html_tells_the_verdict_first_and_the_numbers_as_pages_do():
    page = unescape(made(HTML).decode())

    assert page.index(evidence().facts.headline) < page.index("What was judged") < page.index("Gates: 1 of 2")
    for text in told(evidence().report):
        assert f">{text}<" in page
    assert "Wrongly held, % by segment" in page
    assert "Every metric, everyone" in page


def test_html_asks_for_nothing_from_outside_and_runs_its_own_two_scripts_alone():
    page = made(HTML).decode()

    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1])
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == len(re.findall(r"<script>", page)) == 2
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert attributes(page) & {"src", "href", "style", "onerror", "onload", "onclick"} == set()
    assert "://" not in page


def test_html_takes_no_label_for_markup():
    page = made(HTML).decode()

    assert HOSTILE not in page
    assert "<img" not in page
    assert HOSTILE in unescape(page), "it is shown as text"
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    assert len(blocks) == len(re.findall("data-chart", page.split("<script>")[0]))
    ticks = json.loads(blocks[0])["layout"]["yaxis"]["ticktext"]
    assert any(tick.startswith("&lt;/script&gt;") or "&lt;/script" in tick for tick in ticks), "nor do charts"


def test_a_script_that_names_an_end_tag_stays_one_script():
    assert "</script" not in script_safe('x = "</script>"; y = "</SCRIPT>"').lower()


def test_pdf_has_a_few_pages_with_text_that_can_be_searched():
    pages = PdfReader(io.BytesIO(made(PDF))).pages
    text = plain(pdf_text())

    assert 2 <= len(pages) <= 6
    assert "Page 1 of" in text
    assert "Version 4 would wrongly hold 52 of every 100 people" in text
    assert "Возраст" in text, "names need not be Latin"
    value, change = told(evidence().report)
    assert value.split(" ")[0] in text
    assert change.split(" ")[0] in text
    assert plain(valued(metric_get("roc_auc"), evidence().report.overall.metrics["roc_auc"])) in text


def test_pdf_of_a_large_report_has_a_few_pages_and_says_where_the_rest_is():
    many = tuple(replace(evidence().facts.gates[0], group=f"Region {number}") for number in range(60))
    large = evidence_make(n=9000, regions=40, gates=many)

    pages = PdfReader(io.BytesIO(pdf_make(large))).pages

    assert len(large.report.groups) > 300
    assert len(pages) <= 6
    assert "52 more lines are in the HTML report" in plain(pages[0].extract_text())


def test_pdf_takes_no_label_for_a_formula():
    text = plain(pdf_text())

    assert "$d$" in text
    assert "onerror" in text


def test_card_has_metadata_that_readers_of_cards_know():
    _, head, body = made(MODEL_CARD).decode().split("---\n", 2)

    result = yaml.safe_load(head)["model-index"][0]["results"][0]
    metrics = {one["type"]: one["value"] for one in result["metrics"]}
    assert metrics["roc_auc"] == evidence().report.overall.metrics["roc_auc"].value
    assert metrics["recall"] == evidence().report.overall.metrics["tpr"].value
    assert result["dataset"]["revision"] == evidence().facts.data_digest
    for heading in ("Model details", "Factors", "Metrics", "Evaluation data", "Quantitative analyses", "Caveats"):
        assert f"\n## {heading}" in body
    value, change = told(evidence().report)
    assert f"| {value} | {change} |" in body


def test_card_takes_no_label_for_markdown():
    body = made(MODEL_CARD).decode()

    assert "](javascript" not in body
    assert not re.search(r"(?<!\\)<img", body)
    for line in body.splitlines():
        cells = re.findall(r"(?<!\\)\|", line)
        assert not line.startswith("| a") or len(cells) == 7, line


def test_hidden_groups_stay_hidden_in_every_format():
    report = evidence().report
    hidden = {group.key: group for group in report.groups if group.suppressed is not None}
    label = next(group.label for group in hidden.values() if RARE in group.label and group.level == 1)

    rows = [row for row in table().to_pylist() if row["group"] in hidden]
    assert len(rows) == len(hidden)
    for row in rows:
        assert row["state"] == "suppressed"
        assert row["reason"]
        numbers = ("rows", "positives", "negatives", "metric", "value", "low", "high", "denominator", "verdict", "p")
        assert [row[name] for name in numbers] == [None] * len(numbers)
    page = unescape(made(HTML).decode())
    lines = re.findall(rf'<tr[^>]*><th scope="row">{label}(?: \(protected\))?</th>.*?</tr>', page)
    assert len(lines) > len(evidence().charted)
    for line in lines:
        cells = re.findall(r"<td[^>]*>(.*?)</td>", line)
        assert cells[0] == "hidden", line
        assert "".join(cells[1:-1]) == "", line
    card = [line for line in made(MODEL_CARD).decode().splitlines() if line.startswith(f"| {label}")]
    assert card
    assert not re.search(r"\d", "".join("".join(line.split(" | ")[1:-1]) for line in card))
    told_of = re.findall(rf"{label}(?: \(protected\))? hidden(?: hidden)?", plain(pdf_text()))
    assert told_of


def test_thin_groups_keep_their_numbers_but_are_not_judged():
    (thin,) = [group for group in evidence().report.groups if group.thin is not None and group.level == 1]
    page = unescape(made(HTML).decode())

    (line,) = re.findall(rf'{re.escape(thin.label)}</th><td class="n">(.*?)</tr>', page.split("Wrongly released")[0])
    assert line.startswith(f"{thin.metrics['fnr'].n}<")
    assert "not enough data" in line
    assert "worse" not in line
    rows = [row for row in table().to_pylist() if row["group"] == thin.key and row["metric"] == "fnr"]
    assert {row["state"] for row in rows} == {"thin"}
    assert rows[0]["value"] == thin.metrics["fnr"].value


@pytest.mark.parametrize("task", ["MULTICLASS", "REGRESSION"])
def test_other_tasks_have_files_too(task):
    other = evidence_other(task)

    page, card = html_make(other, CHARTS), card_make(other)
    text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(pdf_make(other))).pages)
    name = metric_get(other.facts.metric).label
    assert name in page
    assert name in card
    assert name in text
    assert pq.read_table(io.BytesIO(parquet_make(other))).num_rows > 100


def test_an_evaluation_against_nothing_tells_values_alone():
    alone = evidence_make(baseline=False)

    page = html_make(alone, CHARTS)
    assert "Change</th>" not in page
    assert "nothing: there was no other version" in page
    assert card_make(alone).count("| Change |") == 0
    assert pdf_make(alone).startswith(b"%PDF-")
    assert set(pq.read_table(io.BytesIO(parquet_make(alone)))["side"].to_pylist()) == {"candidate", None}


def test_the_same_evidence_gives_the_same_file():
    assert html_make(evidence(), CHARTS).encode() == made(HTML)
    assert card_make(evidence()).encode() == made(MODEL_CARD)
    assert parquet_make(evidence()) == made(PARQUET)


def test_facts_of_another_shape_are_refused():
    with pytest.raises(FactsError, match="no colour"):
        Facts.from_json({**evidence().facts.to_json(), "colour": 1})
    with pytest.raises(FactsError):
        Facts.from_json({"number": 1})


def test_behaviour_tests_are_in_every_format() -> None:
    found = evidence().findings
    assert found is not None
    assert found.behaviour is not None
    failing, absent = found.behaviour.tests
    share = f"{100 * (failing.candidate.share.value or 0):.1f}"
    html, card = made(HTML).decode(), made(MODEL_CARD).decode()
    rows = [row for row in table().to_pylist() if (row["metric"] or "").startswith("behaviour:")]

    assert (failing.candidate.verdict, absent.candidate.verdict) == ("fails", "not run")
    assert "Behaviour tests: 1 of 2 fail" in html
    assert "Behaviour tests: 1 of 2 fail" in card
    assert "Behaviour tests: 1 of 2 fail" in " ".join(pdf_text().split())
    for text in (unescape(html), card):
        assert "Height must not matter" in text
        assert "not run" in text
        assert share in text
    assert HOSTILE not in html
    assert HOSTILE not in card
    assert [(row["side"], row["verdict"], row["group"]) for row in rows] == [
        ("candidate", "fails", None),
        ("baseline", "fails", None),
        ("candidate", "not run", None),
        ("baseline", "not run", None),
    ]
    assert rows[0]["value"] == failing.candidate.share.value
    assert rows[0]["denominator"] == failing.candidate.tested
    assert (rows[2]["state"], rows[2]["value"]) == ("undefined", None)


def test_several_versions_together_are_told_with_their_rules() -> None:
    html, card = unescape(made(HTML).decode()), made(MODEL_CARD).decode()

    for text in (html, card, " ".join(pdf_text().split())):
        assert "Several versions together: Cost per 100, C$" in text
        assert "release 5" in text
        assert "most votes win" in text


def test_an_evaluation_without_tests_or_further_versions_has_no_empty_tables() -> None:
    bare = evidence_other("MULTICLASS")

    for text in (html_make(bare, CHARTS), card_make(bare)):
        assert "Behaviour tests" not in text
        assert "Several versions" not in text


def test_a_ranking_is_told_like_any_other_task() -> None:
    ranked = evidence_other("RANKING")

    text, card = unescape(html_make(ranked, CHARTS)), card_make(ranked)

    assert "NDCG@10 by segment" in text
    assert "Exposure" in card
    assert pdf_make(ranked).startswith(b"%PDF-")
    assert pq.read_table(io.BytesIO(parquet_make(ranked))).num_rows
