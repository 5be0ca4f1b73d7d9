"""What an entry is about, in words and with its page."""

from __future__ import annotations

import uuid

import pytest
from django.urls import reverse

from apps.audit.services import audit_record
from apps.audit.tests.factories import actor_of, person_row, team_row
from apps.core.actors import Role
from apps.core.links import word_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("reviews.approvalrequest", "request for approval"),
        ("accounts.apitoken", "api token"),
        ("test.thing", "thing"),
        ("thing", "thing"),
    ],
)
def test_a_kind_is_called_what_people_call_it(kind, word):
    assert word_of(kind) == word


def test_the_table_names_kinds_in_words_and_leads_to_jobs(client):
    team = team_row()
    person = person_row(Role.AUDITOR, team)
    job = uuid.uuid4()
    for kind, pk, label in (
        ("reviews.approvalrequest", uuid.uuid4(), "Request 7"),
        ("jobs.job", job, "Job 3: profile boilers"),
    ):
        audit_record(
            actor=actor_of(Role.ADMINISTRATOR, team.pk),
            action="x.y",
            object_type=kind,
            object_id=pk,
            object_label=label,
            team_id=team.pk,
        )
    client.force_login(person)

    page = client.get(reverse("audit-list")).content.decode()

    assert "request for approval: Request 7" in page
    assert f'<a href="{reverse("job-detail", args=[job])}">job: Job 3: profile boilers</a>' in page
