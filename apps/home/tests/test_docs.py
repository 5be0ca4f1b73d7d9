"""The reference of the API as a page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.accounts.tests.factories import team_make, user_make
from apps.core.actors import Role
from apps.home.document import document
from apps.home.web.reference import METHODS, kind_of, subjects_of

pytestmark = pytest.mark.django_db


def test_every_operation_of_the_description_is_on_the_page(django_assert_max_num_queries):
    client = Client()
    client.force_login(user_make("reader", role=Role.VIEWER, team=team_make()))
    wanted = {
        (method.upper(), path) for path, entry in document()["paths"].items() for method in METHODS if method in entry
    }
    with django_assert_max_num_queries(15):
        response = client.get(reverse("api-docs"))
    page = response.content.decode()
    shown = {(one.method, one.path) for subject in subjects_of(document(), "") for one in subject.operations}

    assert shown == wanted
    assert len(wanted) > 100
    assert "/api/v1/launches" in page
    assert "unsafe-inline" not in response["Content-Security-Policy"]


def test_an_operation_says_what_it_takes_what_it_answers_and_how_curl_calls_it():
    operations = {one.id: one for subject in subjects_of(document(), "http://here") for one in subject.operations}
    launch = operations["training_launch"]
    body = {field.name: field for field in launch.body}

    assert launch.status == "201"
    assert body["dataset_version_id"].needed
    assert body["dataset_version_id"].kind == "id"
    assert not body["seed"].needed
    assert body["seed"].kind == "whole number"
    assert launch.answer
    assert launch.curl.startswith("curl -sS -X POST 'http://here/api/v1/launches'")
    assert '"recipe": "…"' in launch.curl


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["string", "null"], "format": "date-time"}, "moment or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/State"}}, "list of OPEN, SHUT"),
        ({"oneOf": [{"$ref": "#/components/schemas/State"}, {"type": "null"}]}, "OPEN, SHUT or null"),
        ({"enum": ["", None, "a"]}, "empty, null, a"),
        ({}, "anything"),
    ],
)
def test_a_kind_in_words(schema, words):
    assert kind_of(schema, {"State": {"type": "string", "enum": ["OPEN", "SHUT"]}}) == words
