"""Which environments go by themselves, and for which Python code is taken."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.code import services
from apps.code.contracts import EnvironmentUse, EnvironmentUses, environment_use_register
from apps.code.models import Environment
from apps.code.registrations import build_surroundings
from apps.code.tests.factories import environment_row
from apps.core.errors import Invalid
from apps.jobs.models import Job
from apps.jobs.tests.factories import scientist

pytestmark = pytest.mark.django_db


def ready(team, name: str, *, days: int) -> Environment:
    environment = environment_row(team, name)
    environment.state = Environment.State.READY
    environment.archive_sha256 = f"{days:064x}"
    environment.used_at = timezone.now() - timedelta(days=days)
    environment.save()
    return environment


def test_what_nobody_used_for_long_goes_and_what_something_keeps_stays(settings):
    settings.ENVIRONMENT_KEEP_DAYS = 30
    _, team = scientist()
    old, kept, fresh = ready(team, "old", days=40), ready(team, "kept", days=50), ready(team, "fresh", days=3)
    environment_use_register(
        lambda pks: {kept.pk: EnvironmentUses(1, (), (EnvironmentUse("churn version 3"),))} if kept.pk in pks else {}
    )

    assert services.environments_collect() == 1

    states = {one.pk: (one.state, one.archive_sha256 == "") for one in Environment.objects.all()}
    assert states == {old.pk: ("REMOVED", True), kept.pk: ("READY", False), fresh.pk: ("READY", False)}


@pytest.mark.parametrize("requires", ["", ">=3.11", ">=3.9,<4"])
def test_code_for_this_python_is_taken(requires):
    services.python_check(requires)


@pytest.mark.parametrize(("requires", "why"), [("<3.9", "needs Python <3.9; jobs run Python"), ("three", "names none")])
def test_code_for_another_python_is_refused_with_both(requires, why):
    with pytest.raises(Invalid, match="Python") as refusal:
        services.python_check(requires)

    assert why in refusal.value.fields["bundle_id"][0]


@pytest.mark.parametrize(
    ("index", "folder", "ports"),
    [
        ("", "", (443,)),
        ("https://packages.example.org/simple", "", (443,)),
        ("http://10.0.0.7:3141/simple", "", (3141,)),
        ("https://packages.example.org/simple", "/srv/wheels", ()),
    ],
)
def test_a_build_reaches_the_port_of_the_package_index_alone(settings, index, folder, ports):
    settings.PACKAGE_INDEX_URL, settings.PACKAGE_FOLDER = index, folder

    around = build_surroundings(Job(spec={}))

    assert around.connect_ports == ports
    assert (folder in around.read) is bool(folder)
