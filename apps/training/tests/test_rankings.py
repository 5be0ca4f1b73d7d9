"""A problem of an order: its recipes on the form and by the API, and what its launch needs."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core.errors import Conflict, Invalid
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.datasets.tests.factories import HEADER, csv_bytes, dataset_make, rows_make, version_sealed
from apps.training.tests.factories import Ground, ground_make, launch_make

pytestmark = pytest.mark.django_db
ORDER = {
    **{"task": "RANKING", "target": "checks", "positive_label": "", "positive_word": "", "negative_word": ""},
    **{"error_costs": {}, "objectives": [{"metric": "ndcg:5", "limit": 0.3}]},
    "segments": [{"name": "Employed", "expression": "employed", "purpose": "PERFORMANCE"}],
}


def _ground(query: bool = True) -> Ground:
    """A problem of an order, with a table whose rows belong to lists."""
    ground = ground_make(**ORDER)
    rows = [[*row, f"list {place // 10}"] for place, row in enumerate(rows_make(120))]
    dataset = dataset_make(ground.scientist, ground.team, ground.problem)
    version = version_sealed(ground.scientist, dataset, csv_bytes(rows, [*HEADER, "q"]))
    if query:
        dataset_services.version_roles_save(actor=ground.scientist, version_id=version.pk, roles={"q": "QUERY"})
    ground.version = datasets.dataset_version_get(ground.scientist, version.pk)
    return ground


def _client(person) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=person.id))
    return client


def test_an_order_is_launched_with_its_query_and_without_it_as_a_feature():
    ground = _ground()

    launch = launch_make(ground, recipe="lightgbm_rank", params={"truncation": 5})

    spec = launch.job.spec
    assert (spec["task"], spec["query_column"], spec["target"]) == ("RANKING", "q", "checks")
    assert spec["params"]["truncation"] == 5
    assert "q" not in {one["name"] for one in spec["features"]}
    assert launch_make(ground, recipe="baseline").job.spec["recipe"] == "baseline"


def test_data_without_a_query_are_refused_with_what_to_do():
    ground = _ground(query=False)

    with pytest.raises(Conflict, match="role query"):
        launch_make(ground, recipe="lightgbm_rank")


def test_a_recipe_of_another_task_is_refused_at_its_field():
    ground, other = _ground(), ground_make()

    for stage, recipe in ((ground, "ridge"), (other, "lightgbm_rank")):
        with pytest.raises(Invalid) as refused:
            launch_make(stage, recipe=recipe)
        assert list(refused.value.fields) == ["recipe"]


def test_the_form_and_the_api_offer_the_recipes_of_an_order():
    ground = _ground()
    client = _client(ground.scientist)

    page = client.get(
        reverse("training-launch"),
        {"dataset_version": ground.version.pk, "problem": ground.problem.pk, "recipe": "lightgbm_rank"},
    ).content.decode()
    listed = client.get("/api/v1/recipes", {"task": "RANKING"}).json()

    assert "LambdaRank" in page
    assert "Places that count" in page
    assert "Random forest" not in page
    assert [one["id"] for one in listed] == ["baseline", "lightgbm_rank"]
