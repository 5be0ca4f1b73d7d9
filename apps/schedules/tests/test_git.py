"""A branch of a repository on loopback: one commit, one run; what cannot be asked is said and runs nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from apps.code import services as code
from apps.code.models import Bundle
from apps.code.tests.factories import bundle_make
from apps.code.tests.test_git import Repository, repository  # noqa: F401 - a fixture
from apps.core.errors import Invalid
from apps.jobs import tasks
from apps.jobs.models import Job
from apps.jobs.tests.factories import first_make, scientist
from apps.schedules import services
from apps.schedules.models import Schedule, ScheduleRun
from apps.sweeps.tests.factories import actor_gone
from apps.training import services as training
from apps.training.models import CodeLaunch

pytestmark = pytest.mark.django_db(transaction=True)

SOURCE = "print('version {number}')\n"


def committed(repository: Repository, number: int) -> str:  # noqa: F811
    (repository.tree / "train.py").write_text(SOURCE.format(number=number))
    return repository.commit()


def made(actor, team, url: str, **fields) -> Schedule:
    bundle = bundle_make(actor, team, SOURCE.format(number=0))
    template = training.template_save(actor=actor, name="Each commit", bundle_id=bundle.pk)
    return services.schedule_create(
        actor=actor,
        name="On commits",
        trigger="GIT",
        repository=url,
        act="TEMPLATE",
        template_id=template.pk,
        **{"branch": "main", **fields},
    )


def looked(schedule: Schedule) -> Schedule:
    services.schedule_look(schedule.pk)
    schedule.refresh_from_db()
    return schedule


def fetched(commit: str) -> Bundle:
    bundle = Bundle.objects.get(commit=commit)
    first_make(Job.objects.get(pk=bundle.job_id))
    tasks.job_run(str(bundle.job_id))
    bundle.refresh_from_db()
    return bundle


def test_a_new_commit_of_the_branch_is_fetched_and_runs_once(repository):  # noqa: F811
    actor, team = scientist()
    first = committed(repository, 1)
    schedule = made(actor, team, repository.url)

    assert looked(schedule).head == first
    services.schedules_tick()
    assert not ScheduleRun.objects.exists()

    second = committed(repository, 2)
    assert looked(schedule).head == second
    bundle = fetched(second)
    services.schedules_tick()
    looked(schedule)
    services.schedules_tick()

    (run,) = ScheduleRun.objects.all()
    assert (run.state, run.cause) == ("LAUNCHED", f"commit {second[:12]} of main")
    launch = CodeLaunch.objects.get(job_id=run.job_id)
    assert (launch.bundle_id, bundle.state) == (bundle.pk, "READY")
    assert bundle.created_by_id == actor.id
    assert not Bundle.objects.filter(commit=first).exists()
    client = Client()
    client.force_login(get_user_model().objects.get(pk=actor.id))
    page = client.get(f"/schedules/{schedule.pk}/").content.decode()
    assert f"main is at {second[:12]}" in page
    assert repository.url in page


def test_a_commit_with_the_files_of_another_is_left_out_with_why(repository):  # noqa: F811
    actor, team = scientist()
    committed(repository, 1)
    schedule = looked(made(actor, team, repository.url))
    second = committed(repository, 2)
    looked(schedule)
    fetched(second)
    services.schedules_tick()
    Job.objects.exclude(state="SUCCEEDED").update(state="SUCCEEDED")

    committed(repository, 3)
    third = committed(repository, 2)  # back to the files of the second
    looked(schedule)
    assert fetched(third).state in ("READY", "FAILED")
    services.schedules_tick()

    states = [run.state for run in ScheduleRun.objects.order_by("id")]
    assert states[0] == "LAUNCHED"
    assert len(states) == 2


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"repository": "file:///etc"}, "repository"),
        ({"repository": "ext::sh -c id"}, "repository"),
        ({"repository": "https://name:secret@example.org/a.git"}, "repository"),
        ({"repository": ""}, "repository"),
        ({"branch": "--upload-pack=id"}, "branch"),
        ({"branch": "a..b"}, "branch"),
        ({"branch": "a b"}, "branch"),
        ({"branch": ""}, "branch"),
        ({"branch": "x" * 300}, "branch"),
    ],
)
def test_what_git_could_take_for_something_else_is_refused(fields, field):
    actor, team = scientist()

    with pytest.raises(Invalid) as refused:
        made(actor, team, fields.pop("repository", "https://example.org/a.git"), **fields)

    assert field in refused.value.fields


def test_a_branch_that_is_not_there_and_a_remote_that_is_away_are_said_and_run_nothing(repository):  # noqa: F811
    actor, team = scientist()
    committed(repository, 1)
    schedule = looked(made(actor, team, repository.url, branch="other"))
    assert (schedule.look_problem, schedule.head) == ("The repository has no branch “other”.", "")

    away = services.schedule_change(
        actor=actor, schedule_id=schedule.pk, changes={"repository": "http://127.0.0.1:9/a.git", "branch": "main"}
    )
    assert "could not be asked" in looked(away).look_problem
    client = Client()
    client.force_login(get_user_model().objects.get(pk=actor.id))
    assert "The last look told nothing." in client.get(f"/schedules/{schedule.pk}/").content.decode()
    assert not ScheduleRun.objects.exists()
    assert not Bundle.objects.filter(kind="GIT").exists()


def test_who_left_has_no_commit_fetched(repository):  # noqa: F811
    actor, team = scientist()
    committed(repository, 1)
    schedule = looked(made(actor, team, repository.url))
    committed(repository, 2)
    actor_gone(actor)

    assert "may not bring code" in looked(schedule).look_problem
    assert not Bundle.objects.filter(kind="GIT").exists()


def test_a_branch_is_asked_every_few_minutes_whoever_ticks():
    actor, team = scientist()
    schedule = made(actor, team, "https://example.org/a.git")
    now = timezone.now()

    services.schedules_tick(now=now)
    schedule.refresh_from_db()
    assert schedule.looked_at == now
    services.schedules_tick(now=now + timedelta(minutes=1))
    schedule.refresh_from_db()
    assert schedule.looked_at == now
    services.schedules_tick(now=now + timedelta(minutes=6))
    schedule.refresh_from_db()
    assert schedule.looked_at == now + timedelta(minutes=6)


def test_the_child_that_asks_has_no_secret(repository, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SECRET_KEY", "of the server")
    commit = committed(repository, 1)

    assert code.branch_commit(repository.url, "refs/heads/main") == commit
    assert not list((tmp_path / "home" / "jobs").glob("branch-*"))
