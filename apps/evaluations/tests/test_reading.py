"""Rows of the page: what is shown is what is stored, thin and hidden groups say why, exports hold the same numbers."""

from __future__ import annotations

import csv
import io
from functools import partial

import pytest

from analysis.contracts.metrics import metric_get
from analysis.contracts.segments import Bands, SegmentSpec, Support
from analysis.report import csv_text
from apps.evaluations.contracts.numbers import change_signed, interval_text, money_text, unit_text, value_text
from apps.evaluations.contracts.verdict import Speech, verdict_say
from apps.evaluations.selectors import harm_groups, harm_shown, kpis_of
from apps.evaluations.tests.factories import report_make, report_other
from apps.evaluations.web.charts import curve_charts, forest_figure, importance_chart
from apps.evaluations.web.gaps import confusion_of, gap_rows, metric_rows
from apps.evaluations.web.rows import crossing_rows, forest_rows, matrix_parts, metrics_of

AGE = SegmentSpec("s-age", "Age", "age", Bands((25.0, 35.0), ("under 25", "25 to 34", "35 and over")), "PROTECTED")
COLOUR = SegmentSpec("s-colour", "Colour", "colour", None, "PROTECTED")
EMPLOYED = SegmentSpec("s-employed", "Employed", "employed", None, "PERFORMANCE")
SEGMENTS = (AGE, COLOUR, EMPLOYED)
SPEECH = Speech("version 3", "live version 2", "released", "held", "people", "arrests", "C$")
FNR = metric_get("fnr")


def url_of(key):
    return f"/group/?key={key}"


@pytest.fixture(scope="module")
def report():
    return report_make(SEGMENTS)[0]


def test_the_forest_puts_proven_harm_first_then_everyone(report):
    rows = forest_rows(report, FNR, url_of)

    verdicts = [row.verdict for row in rows]
    everyone = next(index for index, row in enumerate(rows) if row.key == "overall")
    assert verdicts[0] == "worse"
    assert set(verdicts[:everyone]) == {"worse"}
    assert "worse" not in verdicts[everyone + 1 :]
    assert any(row.key == "Age=35 and over" for row in rows[:everyone])
    assert rows[everyone].cut
    assert rows[everyone].url == ""


def test_shown_numbers_are_the_stored_ones(report):
    row = next(row for row in forest_rows(report, FNR, url_of) if row.key == "Age=35 and over")
    group = report.group("Age=35 and over")
    difference = group.paired.differences["fnr"]
    exported = next(
        line
        for line in csv.DictReader(io.StringIO(csv_text(report)))
        if line["group"] == "Age=35 and over" and line["metric"] == "fnr"
    )

    assert row.own == f"{100 * group.metrics['fnr'].value:.1f}"
    assert row.change == f"+{100 * difference.value:.1f}"
    assert row.shown == (difference.value, difference.low, difference.high)
    assert float(exported["value"]) == group.metrics["fnr"].value
    assert float(exported["difference"]) == difference.value
    assert repr(difference.value) in row.exact


def test_thin_and_hidden_groups_carry_reasons_and_no_number():
    thin, _ = report_make(
        (SegmentSpec("e", "Employed", "employed", None, "PERFORMANCE"),), n=400, least=Support(350, 5, 5)
    )
    hidden, _ = report_make((COLOUR,), n=400, least=Support(350, 5, 5))

    for report, state in ((thin, "thin"), (hidden, "suppressed")):
        rows = [row for row in forest_rows(report, FNR, url_of) if row.key != "overall"]
        assert {row.state for row in rows} == {state}
        assert all(row.reason for row in rows)
        assert all(row.shown is None and row.own == "–" for row in rows)
        assert rows == [row for row in rows if row.verdict in ("not enough data", "suppressed")]
    assert all(row.url == "" for row in forest_rows(hidden, FNR, url_of) if row.key != "overall")
    everyone, parts = matrix_parts(hidden, metrics_of(hidden), url_of, {"Colour": "A protected ground."})
    assert {cell.text for row in parts[0].rows for cell in row.cells} == {"hidden"}
    assert {row.n for row in parts[0].rows} == {"hidden"}
    assert parts[0].note == "Protected. A protected ground."
    assert everyone.n == "400"


def test_a_cell_is_coloured_only_where_a_finding_stands(report):
    metrics = metrics_of(report)
    _, parts = matrix_parts(report, metrics, url_of, {})

    for part in parts:
        for row in part.rows:
            for metric, cell in zip(metrics, row.cells, strict=True):
                group = next(g for g in report.groups if g.label == row.label and g.level == 1)
                verdict = (
                    group.paired.differences[metric.name].verdict if metric.name in group.paired.differences else ""
                )
                assert bool(cell.css) == (verdict in ("worse", "better"))


def test_crossings_are_found_and_sorted_by_harm(report):
    metrics = metrics_of(report, every=False)
    rows, count = crossing_rows(report, metrics, url_of, by="fnr", find="", most=5)
    found, matching = crossing_rows(report, metrics, url_of, by="fnr", find="black 35", most=50)

    assert len(rows) == 5
    assert count == len([group for group in report.groups if group.level == 2])
    assert matching == 1
    assert "Black" in found[0].label
    assert "35 and over" in rows[0].label


def test_harmed_and_helped_are_the_discordant_pairs(report):
    verdict = verdict_say(report, SPEECH)
    groups = harm_groups(report, "fnr", compared="live")
    first = groups[0]
    row = next(row for row in first.rows if row.key == "Age=35 and over")
    paired = report.group("Age=35 and over").paired

    assert (first.verdict, first.title) == ("worse", "Worse than live")
    assert (row.harmed, row.helped) == (paired.only_baseline_right, paired.only_candidate_right)
    shown = harm_shown(groups, FNR, SPEECH, url_of)
    assert shown["harm_scale"] >= row.harmed
    assert verdict.metric == "fnr"
    kpis = kpis_of(report, SPEECH)
    assert kpis[0]["value"] == str(report.overall.paired.only_baseline_right)


def test_gaps_name_both_ends_and_who_was_left_out():
    report, _ = report_make(SEGMENTS, n=700, least=Support(60, 10, 10))
    rows, count = gap_rows(report, SPEECH)
    every, _ = gap_rows(report, SPEECH, every=True)

    assert count == len(report.disparities)
    assert 0 < len(rows) < len(every) <= 200
    assert all(row.interval for row in rows if not row.undefined)
    left = [one for one in report.disparities if one.left_out]
    shown = [row for row in every if row.left_out]
    assert len(shown) == min(len(left), 200) or len(every) == 200


def test_every_metric_of_a_group_is_listed_with_its_reason(report):
    rows = metric_rows(report, "Age=35 and over", SPEECH)

    assert [row.label for row in rows][:2] == ["Wrongly predicted negative", "Wrongly predicted positive"]
    assert len(rows) >= 14
    assert all(row.exact or row.reason for row in rows)
    assert metric_rows(report, "nobody", SPEECH) == []


def _validate(figure):
    import plotly.graph_objects as go

    def plain(value):
        """Tokens are resolved in the browser; any colour does for the check."""
        if isinstance(value, str) and value.startswith("$"):
            return "#123456"
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list) else value

    given = plain(figure)
    drawn = go.Figure(data=given["data"], layout=given["layout"])
    go.Figure(layout=given.get("small") or {})
    return drawn


def test_figures_are_valid_and_hold_the_rows_numbers(report):
    rows = forest_rows(report, FNR, url_of)
    forest = forest_figure(rows, FNR, compared="live", limit=0.05)
    whole = report.overall
    metrics, before = dict(whole.metrics), dict(whole.baseline)
    charts = curve_charts(report, SPEECH, whole.curves, whole.baseline_curves, metrics, before)
    importance = importance_chart(report)

    _validate(forest)
    marks = {y: x for trace in forest["data"] for x, y in zip(trace["x"], trace["y"], strict=True)}
    for index, row in enumerate(rows):
        if row.shown:
            assert marks[index] == 100 * row.shown[0]
    assert forest["layout"]["height"] == 32 * len(rows) + 68
    assert [chart.key for chart in charts] == ["roc", "pr", "calibration", "scores"]
    for chart in [*charts, importance]:
        _validate(chart.figure)
        assert chart.rows
        assert all(len(row) == len(chart.columns) for row in chart.rows)
    assert forest["layout"]["shapes"][-1]["x0"] == 5.0


def test_a_report_without_a_baseline_draws_the_values_themselves():
    report, _ = report_make(SEGMENTS, baseline=False)
    rows = forest_rows(report, FNR, url_of)

    assert all(row.change == "–" and row.verdict == "" for row in rows)
    assert all(row.shown[0] == report.group(row.key).metrics["fnr"].value for row in rows)
    _validate(forest_figure(rows, FNR, compared="nothing"))
    assert len(kpis_of(report, SPEECH)) == 1


@pytest.mark.parametrize("task", ["MULTICLASS", "REGRESSION"])
def test_other_tasks_have_their_own_metrics_and_no_curves(task):
    report = report_other(task, SEGMENTS)
    metrics = metrics_of(report)
    verdict = verdict_say(report, SPEECH)

    assert metrics
    for metric in metrics:
        _validate(forest_figure(forest_rows(report, metric, url_of), metric, compared="live"))
    assert curve_charts(report, SPEECH, None, None, {}, {}) == []
    assert gap_rows(report, SPEECH)[0]
    assert harm_groups(report, verdict.metric)
    confusion = confusion_of("version 3", report.confusion, SPEECH, None)
    assert (confusion is not None) == (task == "MULTICLASS")


def test_no_difference_says_the_margin_that_it_lies_within():
    report, _ = report_make(SEGMENTS, same=True)
    groups = harm_groups(report, "fnr")

    shown = harm_shown(groups, FNR, SPEECH, url_of, margin=0.05)["harm_groups"]

    notes = {one["group"].verdict: one["note"] for one in shown}
    assert "within 5.0 points of zero" in notes["no difference"]
    assert {note for verdict, note in notes.items() if verdict != "no difference"} <= {""}


def test_the_confusion_speaks_the_problems_words(report):
    confusion = confusion_of("version 3", report.confusion, SPEECH, "Yes")

    assert confusion.labels == ("held", "released")
    assert confusion.rows[0][1][0][2]


def test_numbers_in_tables():
    money = metric_get("cost_per_100")

    assert value_text(FNR, 0.363) == "36.3"
    assert change_signed(FNR, 0.17) == "+17.0"
    assert change_signed(FNR, -0.00001) == "±0.0"
    assert change_signed(FNR, None) == "–"
    assert interval_text(FNR, 0.115, 0.228, change=True) == "[+11.5, +22.8]"
    assert interval_text(money, -1809.4, 212, change=True) == "[−1\u202f809, +212]"
    assert interval_text(FNR, None, 0.2) == ""
    assert money_text(-808, "C$", sign=True) == "−C$\u202f808"
    assert unit_text(FNR, change=True) == "points"
    assert partial(unit_text, money)("C$") == "C$"
