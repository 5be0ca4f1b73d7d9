"""The table of an experiment's runs: filters in words, proposals, sorts that walk."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make
from apps.core.actors import Role
from apps.experiments import services
from apps.experiments.tests.factories import experiment_make, points, run_make, run_measured, scientist
from apps.experiments.tests.test_web import browser, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def data():
    """A scientist with an experiment of twelve measured runs and one that measured nothing."""
    actor, team = scientist()
    experiment = experiment_make(actor, team, name="Cheaper advice")
    for n in range(12):
        params = {"recipe": "ridge" if n % 2 else "baseline", "depth": str(n), "learning rate": "0.1"}
        run_measured(actor, experiment, name=f"try {n}", cost=100.0 + n // 3, params=params)
    run_make(actor, experiment, name="nothing")
    return actor, team, experiment


def names_of(client, path: str, query: str) -> list[str]:
    """The names on all pages of five rows, following the pager."""
    names: list[str] = []
    address = f"{path}?size=5&{query}"
    for _ in range(10):
        page = client.get(address).content.decode()
        names += re.findall(r'<th scope="row"[^>]*><a href="/runs/[^"]*">([^<]*)</a>', page)
        following = re.search(r'href="([^"]*)" rel="next"', page)
        if following is None:
            break
        address = following[1].replace("&amp;", "&")
    return names


@pytest.mark.parametrize(
    "sort", ["m.validation_cost_per_100", "-m.validation_cost_per_100", "begun", "-p.depth", "took"]
)
def test_pages_hold_each_run_once_and_what_is_missing_comes_last(data, sort):
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])

    names = names_of(browser(actor), path, f"sort={sort}")

    assert sorted(names) == sorted(["nothing", *(f"try {n}" for n in range(12))])
    if "." in sort:
        assert names[-1] == "nothing"


def test_a_filter_in_words_narrows_page_count_and_file(data):
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])
    query = {"filter": 'metrics.validation_cost_per_100 > 101 AND params.recipe = "ridge"'}

    page = browser(actor).get(path, query)
    file = browser(actor).get(path, {**query, "format": "csv"}).getvalue().decode("utf-8-sig")

    rows = list(csv.reader(io.StringIO(file)))
    assert {row[0] for row in rows[1:]} == {"try 7", "try 9", "try 11"}
    assert "try 7" in text_of(page)
    assert "try 3" not in text_of(page)
    assert page.context["table"].count == 3


def test_a_filter_that_cannot_be_read_is_marked_at_its_field_with_the_character(data):
    actor, _, experiment = data
    path = reverse("experiment-detail", args=[experiment.pk])

    page = text_of(browser(actor).get(path, {"filter": "metrics.loss >> 1"}))
    file = browser(actor).get(path, {"filter": "metrics.loss >> 1", "format": "csv"})

    assert "Invalid filter, character 14" in page
    assert 'data-position="14"' in page
    assert "The filter cannot be read" in page
    assert "try 1" not in page
    assert file.status_code == 400


def test_the_filter_bar_proposes_names_comparisons_and_values_of_this_experiment(data):
    actor, team, experiment = data
    other = experiment_make(actor, team, name="Other")
    run_make(actor, other, params={"secret": "1"})
    client, path = browser(actor), reverse("experiment-filter-words", args=[experiment.pk])

    def proposed(text: str) -> list[str]:
        return [one["text"] for one in client.get(path, {"text": text}).json()["options"]]

    assert proposed("metrics.validation_c") == ["metrics.validation_cost_per_100"]
    assert proposed("rate") == ["params.`learning rate`"]
    assert proposed("secret") == []
    assert ">=" in proposed("metrics.validation_roc_auc ")
    assert proposed("params.recipe = ") == ['"baseline"', '"ridge"']
    assert proposed("status = 'FA") == ["'FAILED'"]
    assert proposed("status = 'FAILED' ") == ["AND", "OR"]
    assert client.get(path, {"text": "metrics.x > 1 AND par", "at": "21"}).json()["start"] == 18


def test_proposals_are_for_those_who_see_the_experiment(data):
    _, team, experiment = data
    path = reverse("experiment-filter-words", args=[experiment.pk])

    assert browser(actor_make(Role.VIEWER, team)).get(path).status_code == 200
    assert browser(scientist()[0]).get(path).status_code == 404


@pytest.mark.parametrize("query", [{"text": "\0", "at": "x"}, {"text": "a" * 3000}, {"text": "'", "at": "-1"}, {}])
def test_any_question_for_proposals_is_answered(data, query):
    actor, _, experiment = data

    answer = browser(actor).get(reverse("experiment-filter-words", args=[experiment.pk]), query)

    assert answer.status_code == 200


def test_a_place_of_another_sort_means_the_first_page(data):
    actor, _, experiment = data
    path, client = reverse("experiment-detail", args=[experiment.pk]), browser(actor)
    page = client.get(f"{path}?size=5&sort=-m.validation_roc_auc").content.decode()
    place = re.search(r"after=([\w-]+)", page)

    for sort in ("begun", "name", "-p.depth", "m.validation_cost_per_100"):
        assert client.get(f"{path}?size=5&sort={sort}&after={place[1]}").status_code == 200


def test_runs_measured_without_a_number_come_after_numbers_both_ways(data):
    actor, _, experiment = data
    odd = run_make(actor, experiment, name="odd")
    services.metrics_log(actor=actor, run_id=odd.pk, points=points("validation_roc_auc", [float("nan")]))
    path = reverse("experiment-detail", args=[experiment.pk])

    for sort in ("m.validation_roc_auc", "-m.validation_roc_auc"):
        assert names_of(browser(actor), path, f"sort={sort}")[-2:] == ["odd", "nothing"]


def test_a_pinned_run_stays_on_top_and_every_metric_says_its_difference(data):
    actor, _, experiment = data
    path, client = reverse("experiment-detail", args=[experiment.pk]), browser(actor)
    base = experiment.runs.get(name="try 0")

    page = text_of(client.get(path, {"baseline": base.pk}))
    chosen = client.get(path, {"baseline": base.pk, "cols": "m.validation_cost_per_100", "format": "csv"})
    gone = text_of(client.get(path, {"baseline": scientist_run().pk}))

    assert "Baseline <b>try 0</b>" in page
    assert page.count("is-pin") == 1
    rows = list(csv.reader(io.StringIO(chosen.getvalue().decode("utf-8-sig"))))
    assert rows[0] == ["Run", "Cost per 100", "Δ Cost per 100"]
    assert {row[0]: row[2] for row in rows[1:]} | {} == {
        "nothing": "",
        **{f"try {n}": str(float(n // 3)) for n in range(12)},
    }
    assert "no longer among these runs" in gone
    assert client.get(path, {"baseline": "nonsense"}).status_code == 200


def scientist_run():
    """A run of another team."""
    actor, team = scientist()
    return run_make(actor, experiment_make(actor, team))


def test_runs_in_groups_say_count_mean_and_best_and_open(data):
    actor, _, experiment = data
    path, client = reverse("experiment-detail", args=[experiment.pk]), browser(actor)

    page = client.get(path, {"group": "p.recipe", "cols": "m.validation_cost_per_100"})
    opened = client.get(path, {"group": "p.recipe", "open": "=ridge", "filter": "metrics.validation_roc_auc > 0"})

    groups = {row.label: (row.count, row.cells) for row in page.context["grouping"].rows}
    assert groups["ridge"] == (6, [("101.50", "100.00")]) or groups["ridge"][0] == 6
    assert groups["not set"][0] == 1
    ridge = next(row for row in opened.context["grouping"].rows if row.label == "ridge")
    assert {member.run.name for member in ridge.members} == {f"try {n}" for n in range(1, 12, 2)}
    listed = client.get(ridge.all_url)
    assert {row.object.name for row in listed.context["table"].rows} == {f"try {n}" for n in range(1, 12, 2)}


@pytest.mark.parametrize("group", ["p.", "x.recipe", "p.nothing", "t.no%20such", "p.a`b%22c", "p.%00", "=", "p.it's"])
def test_any_group_is_answered(data, group):
    actor, _, experiment = data
    run_make(actor, experiment, params={'a`b"c': "1", "it's": "'"})

    for extra in ({}, {"open": "='"}, {"open": "-"}, {"filter": "broken"}):
        answer = browser(actor).get(
            reverse("experiment-detail", args=[experiment.pk]), {"group": group, "format": "", **extra}
        )
        assert answer.status_code == 200


def test_what_the_problem_aims_at_is_shown_first():
    from apps.experiments.web.words import metrics_in_order

    keys = {"validation_roc_auc", "validation_log_loss", "validation_fnr", "train_fnr"}

    assert [words.key for words in metrics_in_order(keys, ["fnr", "log_loss"])][:3] == [
        "validation_fnr",
        "validation_log_loss",
        "validation_roc_auc",
    ]


def test_the_filtered_rows_come_as_parquet_with_types(data):
    import pyarrow.parquet as pq

    actor, _, experiment = data
    query = {"filter": "params.recipe = 'ridge'", "sort": "m.validation_cost_per_100", "format": "parquet"}
    query["cols"] = "p.depth,m.validation_cost_per_100,begun"

    answer = browser(actor).get(reverse("experiment-detail", args=[experiment.pk]), query)

    table = pq.read_table(io.BytesIO(answer.getvalue()))
    assert answer["Content-Disposition"].endswith('.parquet"')
    assert table["Run"].to_pylist()[:1] == ["try 1"]
    assert (table.num_rows, [str(one.type) for one in table.schema]) == (
        6,
        ["string", "string", "double", "timestamp[ms, tz=UTC]"],
    )


def test_a_metric_that_only_old_runs_have_is_a_column_once_it_is_asked_for(data, monkeypatch):
    from apps.experiments.web.views import run_table

    actor, _, experiment = data
    path, client = reverse("experiment-detail", args=[experiment.pk]), browser(actor)
    monkeypatch.setattr(run_table, "SAMPLE", 1)

    plain = client.get(path)
    asked = client.get(path, {"cols": "m.validation_cost_per_100", "sort": "m.validation_cost_per_100"})

    assert not any(column.key.startswith("m.") for column in plain.context["table"].columns)
    assert [row.object.name for row in asked.context["table"].rows][-1] == "nothing"
    assert "m.validation_cost_per_100" in [column.key for column in asked.context["table"].visible]
