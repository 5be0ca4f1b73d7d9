from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import actor_make
from apps.core.actors import Actor, Role
from apps.experiments import services
from apps.experiments.models import Run
from apps.experiments.tests.factories import artifact_make, experiment_make, points, run_make, run_measured, scientist

pytestmark = pytest.mark.django_db
# Five of these are the frame's (session, person, rights, teams, open jobs).
BUDGET = 15


def browser(actor: Actor) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=actor.id))
    return client


def text_of(response) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def data():
    """A scientist with an experiment of twelve measured runs."""
    actor, team = scientist()
    experiment = experiment_make(actor, team, name="Cheaper advice")
    runs = [
        run_measured(
            actor,
            experiment,
            name=f"try {n}",
            cost=100.0 + n,
            params={"recipe": "ridge" if n % 2 else "baseline", "depth": str(n), "seed": "0"},
        )
        for n in range(12)
    ]
    return actor, team, experiment, runs


def test_each_page_keeps_within_its_queries(data, django_assert_max_num_queries):
    actor, _, experiment, runs = data
    client = browser(actor)
    client.get("/experiments/")
    paths = [
        reverse("experiment-list"),
        reverse("experiment-detail", args=[experiment.pk]),
        reverse("experiment-detail", args=[experiment.pk]) + "?sort=-m.validation_cost_per_100&recipe=ridge&q=try",
        reverse("run-detail", args=[runs[0].pk]),
        reverse("run-curves", args=[runs[0].pk]),
        reverse("run-compare") + "?" + "&".join(f"selected={run.pk}" for run in runs),
        reverse("experiment-edit", args=[experiment.pk]),
        reverse("run-notes", args=[runs[0].pk]),
    ]

    for path in paths:
        with django_assert_max_num_queries(BUDGET):
            answer = client.get(path)
        assert answer.status_code == 200, path


def test_strangers_are_led_to_sign_in_and_other_teams_find_nothing(data):
    _, _, experiment, runs = data
    other, _ = scientist()
    paths = [
        reverse("experiment-detail", args=[experiment.pk]),
        reverse("experiment-edit", args=[experiment.pk]),
        reverse("run-detail", args=[runs[0].pk]),
        reverse("run-curves", args=[runs[0].pk]),
        reverse("run-notes", args=[runs[0].pk]),
        reverse("run-compare") + f"?run={runs[0].pk}&run={runs[1].pk}",
        reverse("run-file", args=[runs[0].pk, "a.txt"]),
    ]

    for path in paths:
        assert Client().get(path).status_code == 302
        assert browser(other).get(path).status_code == 404, path
    assert browser(other).post(reverse("run-archive", args=[runs[0].pk])).status_code == 404
    assert browser(other).post(reverse("run-tag", args=[runs[0].pk]), {"key": "a"}).status_code == 404


def test_an_empty_team_is_told_what_to_do():
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    client = browser(actor)

    assert "No experiment yet" in text_of(browser(scientist()[0]).get("/experiments/"))
    assert "No run yet" in text_of(client.get(reverse("experiment-detail", args=[experiment.pk])))
    assert "Choose two runs or more" in text_of(client.get(reverse("run-compare")))


def test_runs_are_sorted_by_a_metric_and_by_a_numeric_param_in_the_database(data):
    actor, _, experiment, _ = data
    client = browser(actor)
    path = reverse("experiment-detail", args=[experiment.pk])

    def names(query: str) -> list[str]:
        rows = list(csv.reader(io.StringIO(client.get(f"{path}?format=csv&{query}").getvalue().decode("utf-8-sig"))))
        return [row[0] for row in rows[1:]]

    assert names("sort=m.validation_cost_per_100")[:3] == ["try 0", "try 1", "try 2"]
    assert names("sort=-m.validation_cost_per_100")[0] == "try 11"
    assert names("sort=-p.depth")[:3] == ["try 11", "try 10", "try 9"]
    assert set(names("recipe=ridge")) == {f"try {n}" for n in range(1, 12, 2)}


def test_a_metric_that_is_not_a_number_sorts_last(data):
    actor, _, experiment, _ = data
    odd = run_make(actor, experiment, name="odd")
    services.metrics_log(actor=actor, run_id=odd.pk, points=points("validation_cost_per_100", [float("nan")]))
    path = reverse("experiment-detail", args=[experiment.pk])

    for query in ("sort=-m.validation_cost_per_100", "sort=m.validation_cost_per_100"):
        rows = list(csv.reader(io.StringIO(browser(actor).get(f"{path}?format=csv&{query}").getvalue().decode())))
        assert rows[-1][0] == "odd"


def test_keys_of_any_spelling_become_columns(data):
    actor, _, experiment, _ = data
    wild = run_make(actor, experiment, name="wild", params={"a,b": "1", "x__y": "2", "it's": "<b>", "7": "3"})
    services.metrics_log(actor=actor, run_id=wild.pk, points=points("val/acc,1 %", [0.5]))
    path = reverse("experiment-detail", args=[experiment.pk])
    client = browser(actor)

    page = client.get(path)

    assert page.status_code == 200
    for key in ("p.a%252Cb", "p.x__y", "p.it%2527s", "p.7", "m.val%252Facc%252C1%2520%2525"):
        assert client.get(f"{path}?sort=-{key}&cols={key}").status_code == 200
    assert "<b></" not in page.content.decode()


def test_the_trade_off_names_what_no_run_beats_and_takes_other_axes(data):
    actor, _, experiment, _ = data
    path = reverse("experiment-trade-off", args=[experiment.pk])

    page = text_of(browser(actor).get(reverse("experiment-detail", args=[experiment.pk])))
    part = text_of(browser(actor).get(path))
    other = text_of(browser(actor).get(f"{path}?x=validation_log_loss&y=validation_cost_per_100"))
    empty = text_of(browser(actor).get(f"{path}?q=no-run-is-called-so"))

    assert f'hx-get="{path}?"' in page
    assert "not beaten on both" in part
    assert "<html" not in part
    assert "plot-figure" in other
    assert "plot-figure" not in empty


def test_the_page_of_a_run_says_how_it_stands_and_what_it_was_made_from(data):
    actor, _, _, runs = data
    run = runs[0]
    artifact_make(actor, run, "notes/report.html", b"<script>")
    services.tags_set(actor=actor, run_id=run.pk, tags={"stage": "<i>try</i>"})

    page = text_of(browser(actor).get(reverse("run-detail", args=[run.pk])))

    assert "It finished." in page
    assert "Nobody has registered a version of it." in page
    assert "ROC AUC" in page
    assert "notes/report.html" in page
    assert "&lt;i&gt;try&lt;/i&gt;" in page
    assert f"client.get_run(&quot;{run.pk.hex}&quot;)" in page
    assert 'data-topic="run.' not in page


def test_a_running_run_is_followed(data):
    actor, _, experiment, _ = data
    run = run_make(actor, experiment)
    services.metrics_log(actor=actor, run_id=run.pk, points=points("validation_log_loss", [0.5, 0.4]))

    page = text_of(browser(actor).get(reverse("run-detail", args=[run.pk])))
    part = text_of(browser(actor).get(reverse("run-curves", args=[run.pk])))

    assert "It runs." in page
    assert f'data-topic="run.{run.pk}"' in page
    assert part.startswith("<run-curves") or "<run-curves" in part[:200]
    assert "<html" not in part


def test_comparing_shows_what_differs_and_all_on_request(data):
    actor, _, _, runs = data
    address = reverse("run-compare") + f"?selected={runs[0].pk}&selected={runs[3].pk}"
    client = browser(actor)

    differing, everything = text_of(client.get(address)), text_of(client.get(address + "&all=1"))
    one = text_of(client.get(reverse("run-compare") + f"?run={runs[0].pk}"))

    assert "<code>depth</code>" in differing
    assert "<code>seed</code>" not in differing
    assert "<code>seed</code>" in everything
    assert "+3.00" in differing
    assert "Choose two runs or more" in one
    assert client.get(reverse("run-compare") + "?run=nonsense&run=more").status_code == 404


def test_runs_on_different_data_carry_a_warning():
    from apps.datasets.tests.factories import csv_bytes, dataset_make, rows_make, version_sealed

    actor, team = scientist()
    dataset = dataset_make(actor, team)
    versions = [version_sealed(actor, dataset, csv_bytes(rows_make(50, seed=n))) for n in (1, 2)]
    experiment = experiment_make(actor, team)
    runs = [run_make(actor, experiment, inputs=[(version, "training")]) for version in versions]
    same = run_make(actor, experiment, inputs=[(versions[0], "training")])
    address = reverse("run-compare")

    warned = text_of(browser(actor).get(f"{address}?run={runs[0].pk}&run={runs[1].pk}"))
    calm = text_of(browser(actor).get(f"{address}?run={runs[0].pk}&run={same.pk}"))

    assert "learnt from different data" in warned
    assert "learnt from different data" not in calm


def test_words_are_saved_and_a_stale_form_shows_both_versions(data):
    actor, _, experiment, _ = data
    client = browser(actor)
    path = reverse("experiment-edit", args=[experiment.pk])
    services.experiment_update(actor=actor, experiment_id=experiment.pk, hypothesis="theirs")

    stale = client.post(path, {"name": "Mine", "hypothesis": "mine", "conclusion": "", "row_version": "1"})
    experiment.refresh_from_db()
    bad = client.post(path, {"name": "", "hypothesis": "kept text", "row_version": experiment.row_version})
    good = client.post(path, {"name": "Mine", "hypothesis": "mine", "row_version": experiment.row_version})

    assert stale.status_code == 409
    assert "theirs" in text_of(stale)
    assert ">mine</textarea>" in text_of(stale) or "mine</textarea>" in text_of(stale)
    assert bad.status_code == 422
    assert "kept text" in text_of(bad)
    assert good.status_code == 302
    experiment.refresh_from_db()
    assert (experiment.name, experiment.hypothesis) == ("Mine", "mine")


def test_notes_tags_and_the_archive_work_from_the_page(data):
    actor, _, _, runs = data
    client, run = browser(actor), runs[0]

    client.post(reverse("run-notes", args=[run.pk]), {"notes": "worth a second look", "row_version": run.row_version})
    client.post(reverse("run-tag", args=[run.pk]), {"key": "stage", "value": "try"})
    client.post(reverse("run-tag", args=[run.pk]), {"key": "", "value": "nothing"})
    tagged = Run.objects.get(pk=run.pk)
    client.post(reverse("run-tag", args=[run.pk]), {"key": "stage", "remove": "1"})
    client.post(reverse("run-archive", args=[run.pk]))
    away = Run.objects.get(pk=run.pk)
    client.post(reverse("run-archive", args=[run.pk]))

    assert (tagged.notes, tagged.tags) == ("worth a second look", {"stage": "try"})
    assert (away.tags, away.deleted_at is not None) == ({}, True)
    assert Run.objects.get(pk=run.pk).deleted_at is None


def test_a_viewer_sees_no_button_and_may_press_none(data):
    _, team, experiment, runs = data
    viewer = browser(actor_make(Role.VIEWER, team))

    page = text_of(viewer.get(reverse("run-detail", args=[runs[0].pk])))

    assert "Edit notes" not in page
    assert "Set a tag" not in page
    for path in (reverse("run-archive", args=[runs[0].pk]), reverse("experiment-archive", args=[experiment.pk])):
        assert viewer.post(path).status_code == 403
    assert viewer.post(reverse("run-tag", args=[runs[0].pk]), {"key": "a"}).status_code == 403


def test_files_come_as_attachments(data):
    actor, _, _, runs = data
    artifact_make(actor, runs[0], "deep/page.html", b"<script>alert(1)</script>")

    answer = browser(actor).get(reverse("run-file", args=[runs[0].pk, "deep/page.html"]))

    assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert browser(actor).get(reverse("run-file", args=[runs[0].pk, "deep/none.html"])).status_code == 404


def test_figures_are_valid_plotly(data):
    go = pytest.importorskip("plotly.graph_objects")
    from apps.experiments import selectors
    from apps.experiments.web.charts import Spot, compare_charts, run_charts, trade_off
    from apps.experiments.web.words import metric_words

    _, _, _, runs = data
    curves = selectors.metric_curves(runs[:3])
    spots = [Spot(run, float(n), float(-n), "v1" if n == 2 else "", n == 2) for n, run in enumerate(runs)]
    x, y = metric_words("validation_log_loss"), metric_words("validation_cost_per_100")
    charts = [*run_charts(curves, runs[0])[0], *compare_charts(curves, runs[:3]), trade_off(spots, x, y)]

    for chart in charts:
        painted = _painted({key: chart.figure[key] for key in ("data", "layout")})
        go.Figure(painted)
        assert chart.rows
        assert len(chart.columns) == len(chart.rows[0])


def _painted(value):
    """Colours of the design instead of its tokens."""
    if isinstance(value, str) and value.startswith("$"):
        return "#123456"
    if isinstance(value, list):
        return [_painted(item) for item in value]
    if isinstance(value, dict):
        return {key: _painted(item) for key, item in value.items()}
    return value
