"""Saved views: one's own and the team's, who may change them, and the page that opens with one."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.accounts.tests.factories import actor_make
from apps.audit.models import AuditEvent
from apps.core.actors import Role
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.experiments import selectors, services
from apps.experiments.models import SavedView
from apps.experiments.tests.factories import experiment_make, run_actor, run_make, run_measured, scientist
from apps.experiments.tests.test_web import browser, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    """A scientist and a viewer of one team, and an experiment with a run."""
    actor, team = scientist()
    experiment = experiment_make(actor, team)
    run_measured(actor, experiment, name="try", params={"depth": "5"})
    return actor, actor_make(Role.VIEWER, team), experiment


def test_everybody_keeps_views_of_their_own_and_sees_the_teams(world):
    actor, viewer, experiment = world

    services.view_create(actor=actor, experiment_id=experiment.pk, name="Mine", query="sort=begun")
    services.view_create(actor=actor, experiment_id=experiment.pk, name="Ours", query="sort=-begun", shared=True)
    services.view_create(actor=viewer, experiment_id=experiment.pk, name="mine", query="q=x")

    assert [view.name for view in selectors.view_list(actor, experiment.pk)] == ["Mine", "Ours"]
    assert [view.name for view in selectors.view_list(viewer, experiment.pk)] == ["mine", "Ours"]
    assert list(selectors.view_list(scientist()[0], experiment.pk)) == []


def test_the_place_in_the_list_is_no_part_of_a_view(world):
    actor, _, experiment = world

    view = services.view_create(
        actor=actor, experiment_id=experiment.pk, name="v", query="?sort=begun&after=abc&format=csv&cols=p.depth&q="
    )

    assert view.query == "sort=begun&cols=p.depth"


def test_the_teams_view_takes_the_right_to_run_and_anothers_own_is_not_there(world):
    actor, viewer, experiment = world
    mine = services.view_create(actor=actor, experiment_id=experiment.pk, name="Mine", query="")
    ours = services.view_create(actor=actor, experiment_id=experiment.pk, name="Ours", query="", shared=True)

    with pytest.raises(Forbidden):
        services.view_create(actor=viewer, experiment_id=experiment.pk, name="x", query="", shared=True)
    with pytest.raises(Forbidden):
        services.view_update(actor=viewer, view_id=ours.pk, name="x")
    with pytest.raises(Forbidden):
        services.view_delete(actor=viewer, view_id=ours.pk)
    with pytest.raises(NotFound):
        services.view_delete(actor=viewer, view_id=mine.pk)
    with pytest.raises(NotFound):
        services.view_create(actor=scientist()[0], experiment_id=experiment.pk, name="x", query="")
    run = run_make(actor, experiment)
    with pytest.raises((Forbidden, NotFound)):
        services.view_create(actor=run_actor(run), experiment_id=experiment.pk, name="x", query="")


@pytest.mark.parametrize(
    ("name", "query"), [("", ""), ("x" * 121, ""), ("v", "a" * 8001), ("v", "q=\0"), ("v", "a=1&" * 400)]
)
def test_what_is_no_view_is_refused(world, name, query):
    actor, _, experiment = world

    with pytest.raises(Invalid):
        services.view_create(actor=actor, experiment_id=experiment.pk, name=name, query=query)


def test_a_name_is_there_once_for_each_owner_and_one_view_opens_the_page(world):
    actor, _, experiment = world
    first = services.view_create(actor=actor, experiment_id=experiment.pk, name="A", query="", is_default=True)
    second = services.view_create(actor=actor, experiment_id=experiment.pk, name="B", query="", is_default=True)

    with pytest.raises(Conflict):
        services.view_create(actor=actor, experiment_id=experiment.pk, name="a", query="")
    with pytest.raises(Conflict):
        services.view_update(actor=actor, view_id=second.pk, name="A")
    with pytest.raises(Conflict):
        services.view_update(actor=actor, view_id=second.pk, name="C", row_version=7)

    first.refresh_from_db()
    assert (first.is_default, SavedView.objects.get(pk=second.pk).is_default) == (False, True)


def test_changes_are_audited(world):
    actor, _, experiment = world
    view = services.view_create(actor=actor, experiment_id=experiment.pk, name="A", query="q=x", shared=True)
    services.view_update(actor=actor, view_id=view.pk, name="B")
    services.view_update(actor=actor, view_id=view.pk, name="B")
    services.view_delete(actor=actor, view_id=view.pk)

    actions = AuditEvent.objects.filter(object_id=str(view.pk)).order_by("id").values_list("action", flat=True)
    assert list(actions) == ["view.create", "view.update", "view.delete"]


def test_a_view_is_saved_from_the_page_opens_it_and_is_managed(world):
    actor, _, experiment = world
    client, path = browser(actor), reverse("experiment-detail", args=[experiment.pk])
    query = "sort=-m.validation_roc_auc&filter=params.depth+%3D+%225%22"

    saved = client.post(
        reverse("experiment-view-save", args=[experiment.pk]), {"name": "Deep", "query": query, "default": "1"}
    )
    page = client.get(saved["Location"])
    taken = client.post(reverse("experiment-view-save", args=[experiment.pk]), {"name": "deep", "query": query})
    told = text_of(client.get(taken["Location"]))
    view = SavedView.objects.get()

    assert "was not saved" in told
    assert client.get(path)["Location"] == saved["Location"]
    assert client.get(f"{path}?view=all").status_code == 200
    assert 'aria-current="page">Deep' in text_of(page)
    assert "Deep" in text_of(client.get(reverse("experiment-views", args=[experiment.pk])))
    client.post(reverse("view-change", args=[view.pk]), {"name": "Deeper"})
    client.post(reverse("view-change", args=[view.pk]), {"default": "0"})
    view.refresh_from_db()
    assert (view.name, view.is_default) == ("Deeper", False)
    client.post(reverse("view-delete", args=[view.pk]))
    assert not SavedView.objects.exists()


def test_clearing_the_filter_of_the_view_that_opens_the_page_does_not_bring_it_back(world):
    actor, _, experiment = world
    services.view_create(
        actor=actor, experiment_id=experiment.pk, name="Deep", query="filter=params.depth+%3D+%229%22", is_default=True
    )
    client = browser(actor)

    opened = client.get(reverse("experiment-detail", args=[experiment.pk]), follow=True)
    cleared = client.get(opened.context["table"].clear_url)

    assert "No run fits these filters" in text_of(opened)
    assert cleared.status_code == 200
    assert [row.object.name for row in cleared.context["table"].rows] == ["try"]


def test_strangers_find_no_view(world):
    actor, viewer, experiment = world
    view = services.view_create(actor=actor, experiment_id=experiment.pk, name="Mine", query="")
    other = browser(scientist()[0])

    assert other.get(reverse("experiment-views", args=[experiment.pk])).status_code == 404
    assert other.post(reverse("experiment-view-save", args=[experiment.pk]), {"name": "x"}).status_code == 404
    for client in (other, browser(viewer)):
        assert client.post(reverse("view-change", args=[view.pk]), {"name": "x"}).status_code == 404
        assert client.post(reverse("view-delete", args=[view.pk])).status_code == 404


def test_views_by_the_api(world):
    actor, viewer, experiment = world
    client, path = browser(actor), f"/api/v1/experiments/{experiment.pk}/views"

    made = client.post(path, {"name": "Ours", "query": "q=x", "shared": True}, content_type="application/json")
    one = f"/api/v1/experiment-views/{made.json()['id']}"
    changed = client.patch(one, {"is_default": True}, content_type="application/json")

    assert (made.status_code, made.json()["shared"], changed.json()["is_default"]) == (201, True, True)
    assert [view["name"] for view in browser(viewer).get(path).json()] == ["Ours"]
    assert browser(viewer).delete(one).status_code == 403
    assert client.delete(one).status_code == 204
    assert client.get(path).json() == []
