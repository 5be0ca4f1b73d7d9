"""Searching runs: what is found, in which order, by whom, page by page."""

from __future__ import annotations

import math
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from apps.core.actors import Role
from apps.datasets.tests.factories import dataset_make, version_make
from apps.experiments import services
from apps.experiments.models import Experiment, Run
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import experiment_make, run_make
from apps.mlflow_api.tests.conftest import ROOT, Person, attempt_token, person_make
from apps.mlflow_api.tests.searching import Searcher, moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def search(person: Person) -> Searcher:
    Run.objects.all().delete()
    return Searcher(person)


def test_a_found_run_is_shown_as_a_run_that_is_asked_for(search: Searcher):
    run = search.make("a", metrics={"loss": 0.5, "odd": math.nan}, params={"depth": "4"}, tags={"team": "x"})
    dataset = {"name": "d", "digest": "abc", "source_type": "local", "source": "{}", "tags": {"t": "v"}}
    services.run_inputs_add(actor=search.person.actor, run_id=run.pk, external=[dataset])

    _, found = search.answer()
    _, asked = search.get("runs/get", run_id=run.pk.hex)

    assert found == {"runs": [asked["run"]]}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "abcd"),
        ("metrics.loss > 0.5", "b"),
        ("metrics.loss >= 0.5", "ab"),
        ("metrics.loss < 100", "ab"),
        ("metrics.loss != 0.5", "bc"),
        ("metrics.loss = 0", ""),
        ("metrics.loss IS NULL", "d"),
        ("metrics.loss IS NOT NULL AND metrics.`val loss` = 7", "c"),
        ("params.depth = '4'", "ab"),
        ("params.depth != '4'", "c"),
        ("params.depth IS NULL", "d"),
        ("params.depth IN ('8', '9')", "c"),
        ("params.depth NOT IN ('8', '9')", "ab"),
        ("tags.team = 'Ä_%'", "a"),
        ("tags.team LIKE 'Ä__'", "ab"),
        ("tags.team LIKE 'ä%'", ""),
        ("tags.team ILIKE 'ä%'", "ab"),
        ("tags.team LIKE '%\\'", "c"),
        ("tags.mlflow.runName = 'd'", "d"),
        ("tags.mlflow.note.content LIKE '%well%'", "d"),
        ("tags.mlflow.user = 'ann'", "b"),
        ("run_name = 'a' OR run_name = 'd'", "ad"),
        ("(run_name = 'a' OR run_name = 'd') AND params.depth = '4'", "a"),
        ("status = 'FAILED'", "d"),
        ("user_id = 'ann'", "c"),
        ("user_id != 'ann'", "abd"),
        ("start_time > 1001000", "cd"),
        ("start_time = 1001000", "b"),
        ("start_time != 1001000", "acd"),
        ("start_time <= 1001000.5", "ab"),
        ("created < 99999999999999999999", "abcd"),
        ("end_time IS NULL", "abc"),
        ("end_time < 2022", ""),
        ("end_time <= 2022", "d"),
        ("artifact_uri LIKE 'mlflow-artifacts:/%/artifacts'", "abcd"),
        ("dataset.name = 'd1'", "a"),
        ("dataset.context = 'eval' AND datasets.digest LIKE 'ab%'", "b"),
        ("dataset.name LIKE 'd%'", "ab"),
    ],
)
def test_a_filter_finds_what_it_says(search: Searcher, text: str, names: str):
    actor = search.person.actor
    runs = [
        search.make("a", metrics={"loss": 0.5}, params={"depth": "4"}, tags={"team": "Ä_%"}),
        search.make("b", metrics={"loss": 2}, params={"depth": "4"}, tags={"team": "Äbc", "mlflow.user": "ann"}),
        search.make("c", metrics={"loss": math.nan, "val loss": 7}, params={"depth": "8"}, user_name="ann"),
        search.make("d", notes="Went well."),
    ]
    services.tags_set(actor=actor, run_id=runs[2].pk, tags={"team": "a\\"})
    services.run_update(actor=actor, run_id=runs[3].pk, status="FAILED", ended_at=moment(2022))
    for run, name, context in ((runs[0], "d1", "train"), (runs[1], "d2", "eval")):
        external = {"name": name, "digest": "abc", "tags": {"mlflow.data.context": context}}
        services.run_inputs_add(actor=actor, run_id=run.pk, external=[external])

    assert sorted(search.names(filter=text)) == list(names)


def test_runs_are_found_by_id_and_by_the_data_that_fairway_holds(search: Searcher):
    version = version_make(search.person.actor, dataset_make(search.person.actor, search.person.team))
    a, b = search.make("a", inputs=[(version, "training")]), search.make("b")

    by_list = search.names(filter=f"attributes.run_id IN ('{a.pk.hex}', 'other', '{b.pk.hex.upper()}')")
    by_id = search.names(filter=f"run_id = '{a.pk.hex}'")
    others = search.names(filter=f"run_id != '{a.pk.hex}'")
    data = search.names(filter=f"dataset.name = '{version.dataset.name} v1' and dataset.context = 'training'")
    digest = search.names(filter=f"dataset.digest = '{version.content_digest[:36]}'")

    assert (sorted(by_list), by_id, others, data, digest) == (["a", "b"], ["a"], ["b"], ["a"], ["a"])


@pytest.mark.parametrize(
    ("orders", "names"),
    [
        ([], "gfedcba"),
        (["start_time"], "abcdefg"),
        (["metrics.m"], "cbafgde"),
        (["metrics.m DESC"], "fbacgde"),
        (["metrics.m DESC", "params.p"], "fabcgde"),
        (["params.p", "metrics.m DESC"], "facgebd"),
        (["params.p DESC", "metrics.m"], "bdcagef"),
        (["metrics.none", "run_name"], "abcdefg"),
        (["end_time DESC"], "abgfedc"),
        (["tags.t", "metrics.m DESC"], "gfbacde"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_numbers_come_first_then_nan_then_what_is_missing(search: Searcher, orders: list[str], names: str, size: int):
    ended = {"a": 9000, "b": 8000}
    rows: list[tuple[str, dict[str, float], dict[str, str]]] = [
        ("a", {"m": 1}, {"p": "1"}),
        ("b", {"m": 1}, {"p": "2"}),
        ("c", {"m": -5}, {"p": "1"}),
        ("d", {"m": math.nan}, {"p": "2"}),
        ("e", {}, {"p": "1"}),
        ("f", {"m": 3}, {"p": "0"}),
        ("g", {"m": math.nan}, {"p": "1"}),
    ]
    for name, metrics, params in rows:
        run = search.make(name, metrics=metrics, params=params, tags={"t": "x"} if name == "g" else {})
        if name in ended:
            services.run_update(actor=search.person.actor, run_id=run.pk, ended_at=moment(ended[name]))

    assert "".join(search.pages(size, order_by=orders)) == names


def test_a_search_follows_what_is_logged_later(search: Searcher):
    actor = search.person.actor
    a, b = search.make("a", metrics={"m": 1}), search.make("b", metrics={"m": 2})

    first = search.names(order_by=["metrics.m DESC"])
    services.metrics_log(actor=actor, run_id=a.pk, points=[MetricPoint("m", 3, 2, 1), MetricPoint("m", 9, 1, 0)])
    services.metrics_log(actor=actor, run_id=b.pk, points=[MetricPoint("m", math.nan, 2, 1)])
    later = search.names(order_by=["metrics.m DESC"], filter="metrics.m != 2")

    assert first == ["b", "a"]
    assert later == ["a", "b"]
    assert search.names(filter="metrics.m = 3") == ["a"]


@pytest.mark.parametrize("orders", [[], ["metrics.m DESC"], ["params.p", "metrics.m"]])
def test_pages_neither_repeat_nor_lose_while_new_runs_arrive(search: Searcher, orders: list[str]):
    for n in range(9):
        search.make(f"r{n}", metrics={"m": n % 3} if n % 4 else {}, params={"p": str(n % 2)})
    expected = search.names(order_by=orders)

    seen, token = [], ""
    while True:
        _, found = search.answer(max_results=2, order_by=orders, page_token=token)
        seen += [run["info"]["run_name"] for run in found["runs"]]
        search.make("new", metrics={"m": 50}, params={"p": "0"})
        token = found.get("next_page_token", "")
        if not token or len(seen) > 50:
            break

    assert [name for name in seen if name != "new"] == expected


def test_deleted_runs_and_experiments_are_another_view(search: Searcher):
    gone = search.make("gone")
    search.make("here")
    services.run_archive(actor=search.person.actor, run_id=gone.pk)

    views = {view: sorted(search.names(run_view_type=view)) for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2)}
    services.experiment_archive(actor=search.person.actor, experiment_id=search.person.experiment.pk)
    _, left = search.post("experiments/search", max_results=10)
    _, deleted = search.post("experiments/search", max_results=10, view_type="DELETED_ONLY")

    assert views == {"ACTIVE_ONLY": ["here"], "DELETED_ONLY": ["gone"], "ALL": ["gone", "here"], 2: ["gone"]}
    assert left == {}
    assert [e["experiment_id"] for e in deleted["experiments"]] == [search.number]


@pytest.mark.parametrize(
    "body",
    [
        {"filter": "metrics.m > 'a'"},
        {"filter": "params.p = '1'; DROP TABLE experiments_run"},
        {"filter": "1 = 1"},
        {"filter": "team_id = 'x'"},
        {"filter": "created_by.password = 'x'"},
        {"filter": "(" * 5000},
        {"filter": " AND ".join(["params.p = '1'"] * 60)},
        {"filter": " OR ".join(["metrics.m > 1"] * 11)},
        {"filter": " AND ".join(["dataset.name = 'x'"] * 11)},
        {"filter": 5},
        {"filter": {"a": 1}},
        {"order_by": ["metrics.m", "metrics.m DESC"]},
        {"order_by": ["pg_sleep(5)"]},
        {"order_by": "metrics.m"},
        {"order_by": [5]},
        {"max_results": 0},
        {"max_results": -1},
        {"max_results": 50_001},
        {"max_results": "x"},
        {"run_view_type": "EVERYTHING"},
        {"page_token": "eyJvZmZzZXQiOiAxfQ=="},
        {"page_token": "x" * 5000},
        {"experiment_ids": "1"},
        {"experiment_ids": ["x"]},
        {"experiment_ids": [{"a": 1}]},
        {"experiment_ids": ["1' OR '1'='1"]},
        {"experiment_ids": [str(n) for n in range(10_001)]},
    ],
)
def test_what_cannot_be_searched_is_refused(search: Searcher, body: dict[str, Any]):
    status, answer = search.answer(**body)

    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert len(answer["message"]) < 500


@pytest.mark.parametrize("text", ["'; DROP TABLE experiments_run; --", "%s %(x)s %%", "\\", '{"a": 1}', "a' OR 'a'='a"])
def test_attacks_in_quotes_are_values_and_names_like_any_other(search: Searcher, text: str):
    search.make("hit", params={"p": text}, tags={text.replace("'", ""): "1"})
    search.make("miss", params={"p": "other"})
    quoted, name = text.replace("'", "''"), text.replace("'", "")

    assert search.names(filter=f"params.p = '{quoted}'") == ["hit"]
    assert search.names(filter=f"params.p IN ('{quoted}')") == ["hit"]
    assert search.names(filter=f"tags.`{name}` = '1'") == ["hit"]
    assert search.names(filter=f"params.p LIKE '{quoted}'") in (["hit"], [])
    assert search.names(order_by=[f"tags.`{name}`", f"metrics.`{name}` DESC"]) == ["hit", "miss"]
    assert "".join(search.pages(1, order_by=[f"params.`{name}`", "params.p"])) in ("hitmiss", "misshit")


def test_a_page_token_is_taken_for_its_own_search_alone_and_cannot_be_made(search: Searcher):
    for name in "abc":
        search.make(name, metrics={"m": 1})
    _, first = search.answer(max_results=1, order_by=["metrics.m"])
    token = first["next_page_token"]
    forged = signing.dumps(["x", 0, []], salt="guess", compress=True)

    answers = [
        search.answer(max_results=1, order_by=["metrics.m"], page_token=token)[0],
        search.answer(max_results=2, order_by=["metrics.m"], page_token=token)[0],
        search.answer(order_by=["metrics.m DESC"], page_token=token)[0],
        search.answer(filter="metrics.m > 0", order_by=["metrics.m"], page_token=token)[0],
        search.answer(order_by=["metrics.m"], page_token=token, run_view_type="ALL")[0],
        search.answer(order_by=["metrics.m"], page_token=token[:-1] + ("A" if token[-1] != "A" else "B"))[0],
        search.answer(order_by=["metrics.m"], page_token=forged)[0],
    ]

    assert answers == [200, 200, 400, 400, 400, 400, 400]


def test_nobody_finds_what_belongs_to_another_team(search: Searcher):
    search.make("mine", metrics={"m": 1}, params={"p": "1"})
    services.logged_model_create(
        actor=search.person.actor, experiment_number=search.person.experiment.number, name="mine"
    )
    _, first = search.answer(max_results=1)
    stranger = Searcher(person_make())
    stranger.number = search.number
    viewer = Searcher(person_make(Role.VIEWER, search.person.team))
    viewer.number = search.number

    questions: list[dict[str, Any]] = [
        {},
        {"filter": "metrics.m > 0"},
        {"filter": "metrics.m > 0 OR params.p = '1'"},
        {"filter": "params.none IS NULL OR metrics.m IS NULL"},
        {"order_by": ["metrics.m DESC"]},
        {"run_view_type": "ALL"},
    ]
    foreign = [stranger.answer(**question) for question in questions]
    own = [viewer.names(**question) for question in questions]
    _, experiments = stranger.post("experiments/search", max_results=50, view_type="ALL")
    _, models = stranger.post("logged-models/search", experiment_ids=[search.number])

    assert first["runs"]
    assert foreign == [(200, {})] * len(questions)
    assert own == [["mine"]] * len(questions)
    assert search.number not in [e["experiment_id"] for e in experiments["experiments"]]
    assert models == {}
    assert Client().post(f"{ROOT}runs/search", {}, content_type="application/json").status_code == 401


def test_the_token_of_an_attempt_finds_its_own_run_alone(search: Searcher):
    mine = search.make("mine", metrics={"m": 1})
    search.make("other", metrics={"m": 2})
    client = Client(headers={"Authorization": f"Bearer {attempt_token(search.person, mine)}"})

    def ask(**body: Any) -> list[str]:
        answer = client.post(f"{ROOT}runs/search", {"experiment_ids": [search.number], **body}, "application/json")
        return [run["info"]["run_name"] for run in answer.json().get("runs", [])]

    assert ask() == ["mine"]
    assert ask(order_by=["metrics.m DESC"]) == ["mine"]
    assert ask(filter="metrics.m = 2") == []


def test_experiment_0_is_searched_and_is_not_opened_by_a_search(search: Searcher):
    search.number = "0"

    nothing = search.answer()
    opened = Experiment.objects.filter(is_default=True).exists()
    search.post("runs/create", experiment_id="0", run_name="here")

    assert nothing == (200, {})
    assert not opened
    assert search.names() == ["here"]


def test_several_experiments_are_one_list(search: Searcher):
    other = experiment_make(search.person.actor, search.person.team)
    search.make("a", metrics={"m": 2})
    run = run_make(search.person.actor, other, name="b")
    services.metrics_log(actor=search.person.actor, run_id=run.pk, points=[MetricPoint("m", 3, 1, 0)])

    both = search.pages(1, experiment_ids=[search.number, str(other.number)], order_by=["metrics.m DESC"])

    assert both == ["b", "a"]
    assert search.answer(experiment_ids=[]) == (200, {})
    assert search.answer(experiment_ids=["999999"]) == (200, {})
