"""Versions without files: they stand like any other, and no door loads them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.problems.tests.factories import people, problem_accepted
from apps.registry import selectors, services
from apps.registry.models import ModelVersion
from apps.registry.tests.factories import brought_make, model_make

pytestmark = pytest.mark.django_db
WHY = "holds no model, only predictions made elsewhere for the rows of one table."


class Given:
    """A data scientist with predictions that were brought."""

    def __init__(self) -> None:
        self.team, self.actor, owner = people()
        self.problem, _ = problem_accepted(self.actor, owner, self.team)
        self.version = brought_make(self.actor, self.team, self.problem)
        self.client = Client()
        self.client.force_login(User.objects.get(pk=self.actor.id))


@pytest.fixture
def given(db) -> Given:
    return Given()


def test_its_page_says_what_it_is_and_offers_nothing_that_loads_it(given: Given):
    page = given.client.get(reverse("version-detail", args=[given.version.pk])).content.decode()

    assert WHY in page
    assert "<code>score</code>" in page
    assert reverse("dataset-version-detail", args=[given.version.brought_on_id]) in page
    for offer in ("Use in Python", "Request approval", 'id="snippet"', "Its lineage is not whole"):
        assert offer not in page


def test_it_has_no_file_and_says_why(given: Given):
    page = given.client.get(reverse("version-file", args=[given.version.pk, "MLmodel"]))
    answer = given.client.get(reverse("api-version-file", args=[given.version.pk, "MLmodel"]))

    assert (page.status_code, answer.status_code) == (404, 404)
    assert WHY in page.content.decode()
    assert WHY in answer.json()["detail"]


def test_its_files_are_not_registered_again(given: Given):
    model = model_make(given.actor, given.team)
    signature = services.signature_of([{"name": "age", "datatype": "INT64"}])

    with pytest.raises(Conflict) as copied:
        services.version_copy(actor=given.actor, model_id=model.pk, version_id=given.version.pk)
    with pytest.raises(Conflict) as restated:
        services.version_restate(
            actor=given.actor, version_id=given.version.pk, stated=services.Stated(signature=signature)
        )
    page = given.client.post(reverse("version-signature", args=[given.version.pk]), {"columns": "age INT64"})

    assert (copied.value.code, restated.value.code) == ("no_model", "no_model")
    assert page.status_code == 422
    assert WHY in page.content.decode()
    assert ModelVersion.objects.count() == 1


def test_it_is_archived_and_the_same_answers_bring_it_back(given: Given):
    services.version_archive(actor=given.actor, version_id=given.version.pk)
    assert not selectors.brought_list(given.actor, given.problem.pk).exists()

    again = services.version_bring(
        actor=given.actor,
        dataset_version_id=given.version.brought_on_id,
        brought=services.Brought(given.version.model.name, "score"),
    )

    assert (again.pk, again.state) == (given.version.pk, "SEALED")
    assert selectors.brought_list(given.actor, given.problem.pk, data_id=again.brought_on_id).get() == again
