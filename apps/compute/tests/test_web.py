"""The pages of compute targets."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.tests.factories import team_make, user_make
from apps.compute.models import ComputeTarget, TargetTest
from apps.compute.services import target_test
from apps.compute.tests.factories import healthy_make, local, operator_make, target_make
from apps.core.actors import Role
from apps.jobs.tests.factories import job_make, scientist

pytestmark = pytest.mark.django_db
SECRET = "ray-token-that-nobody-sees"
FORM = {"kind": "ray", "name": "cluster", "address": "http://127.0.0.1:9", "secret": SECRET, "all_teams": "1"}


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(user_make(role=Role.OPERATOR, team=None))
    return client


def shown(answer, status: int = 200) -> str:
    assert answer.status_code == status, answer.status_code
    return " ".join(answer.content.decode().split())


def test_a_target_is_added_and_its_test_begins_at_once(page):
    extra = {
        "memory": "1.5",
        "price": "2.50",
        "currency": "EUR",
        "minutes": "30",
        "labels": "gpu=a100 zone=b",
        "gpus": "2",
    }

    answer = page.post("/admin/compute/new/", {**FORM, **extra})

    target = ComputeTarget.objects.get(name="cluster")
    assert answer["Location"] == f"/admin/compute/{target.pk}/"
    assert (target.memory_bytes, target.price_minor, target.currency) == (3 * 2**29, 250, "EUR")
    assert (target.limits, target.labels, target.gpus) == ({"wall_seconds": 1800}, {"gpu": "a100", "zone": "b"}, 2)
    assert TargetTest.objects.get().target == target
    text = shown(page.get(answer["Location"]))
    assert "The test runs." in text
    assert "Reach the address" in text
    assert "€ 2.50" in text.replace("\u202f", " ")


def test_the_secret_is_on_no_page_also_not_after_a_refused_form(page):
    page.post("/admin/compute/new/", FORM)
    target = ComputeTarget.objects.get(name="cluster")

    pages = [
        shown(page.get("/admin/compute/")),
        shown(page.get(f"/admin/compute/{target.pk}/")),
        shown(page.get(f"/admin/compute/{target.pk}/edit/")),
        shown(page.post("/admin/compute/new/", {**FORM, "name": "a b"}), 422),
    ]

    assert not any(SECRET in text for text in pages)
    assert "stored, not shown" in pages[1]


def test_an_edit_keeps_replaces_or_removes_the_secret(page):
    page.post("/admin/compute/new/", FORM)
    target = ComputeTarget.objects.get(name="cluster")
    before = target.secret
    edit = f"/admin/compute/{target.pk}/edit/"

    def send(**fields):
        target.refresh_from_db()
        sent = {
            "name": "cluster",
            "address": target.address,
            "all_teams": "1",
            "row_version": target.row_version,
            **fields,
        }
        answer = page.post(edit, sent)
        target.refresh_from_db()
        return answer

    assert send(secret_change="keep", secret="").status_code == 302
    assert target.secret == before
    assert "Enter the new secret" in shown(send(secret_change="replace", secret=""), 422)
    assert send(secret_change="replace", secret="new").status_code == 302
    assert target.secret not in ("", before)
    assert send(secret_change="remove").status_code == 302
    assert target.secret == ""


def test_a_stale_form_is_refused_with_what_to_do(page):
    target = target_make()

    text = shown(
        page.post(
            f"/admin/compute/{target.pk}/edit/",
            {"name": "x", "address": target.address, "all_teams": "1", "secret_change": "keep", "row_version": 0},
        ),
        409,
    )

    assert "Somebody changed this after you opened it" in text


def test_nothing_odd_that_is_typed_breaks_the_form(page):
    odd = {
        "memory": "1e400",
        "slots": "9" * 30,
        "price": "NaN",
        "labels": "x",
        "team_ids": ["zz"],
        "all_teams": "maybe",
    }

    for name, value in odd.items():
        assert page.post("/admin/compute/new/", {**FORM, name: value}).status_code == 422, name
    assert page.post("/admin/compute/new/", {**FORM, "kind": "moon"}).status_code == 422
    assert page.get("/admin/compute/new/?kind=moon").status_code == 200
    assert not ComputeTarget.objects.filter(name="cluster").exists()


def test_drain_and_resume_take_a_reason_and_say_what_happens(page):
    target = healthy_make()

    page.post(f"/admin/compute/{target.pk}/drain/", {"reason": "New disks."})
    drained = shown(page.get(f"/admin/compute/{target.pk}/"))
    again = shown(page.post(f"/admin/compute/{target.pk}/drain/", follow=True))
    page.post(f"/admin/compute/{target.pk}/resume/")

    assert "It is drained" in drained
    assert "New disks." in drained
    assert "cannot become drained" in again
    assert "It takes jobs." in shown(page.get(f"/admin/compute/{target.pk}/"))


def test_a_target_in_use_says_why_it_stays(page):
    actor, team = scientist()
    target = healthy_make()
    job_make(actor, team, target_id=target.pk)
    page.post(f"/admin/compute/{target.pk}/drain/")

    text = shown(page.post(f"/admin/compute/{target.pk}/remove/", follow=True))

    assert "1 wait for it" in text


def test_the_steps_are_asked_again_only_while_a_test_runs(page):
    target = target_make()
    test = target_test(actor=operator_make(), target_id=target.pk)
    now = f"/admin/compute/{target.pk}/now/"

    assert "every 1s" in shown(page.get(now))
    TargetTest.objects.filter(pk=test.pk).update(state="FAILED", verdict="Reach the address: Nobody answers.")
    ended = shown(page.get(now))

    assert "every 1s" not in ended
    assert "Nobody answers." in ended


def test_a_job_says_where_it_runs_why_it_waits_and_what_is_not_kept_there(page):
    actor, team = scientist()
    target = healthy_make()
    job = job_make(actor, team, target_id=target.pk)

    waits = shown(page.get(f"/jobs/{job.pk}/"))
    page.post(f"/admin/compute/{target.pk}/drain/")
    drained = shown(page.get(f"/jobs/{job.pk}/"))
    listed = shown(page.get(f"/jobs/?target={target.pk}"))

    assert "Waits for a free worker." in waits
    assert "A stop leaves 5 s to end politely" in waits
    assert f'href="/admin/compute/{target.pk}/"' in waits
    assert "Target cluster is drained" in drained
    assert f"/jobs/{job.pk}/" in listed


def test_who_manages_no_targets_of_the_site_is_told_who_does(page):
    target = healthy_make()
    for role, team in ((Role.DATA_SCIENTIST, team_make()), (Role.OPERATOR, team_make()), (Role.AUDITOR, None)):
        client = Client()
        client.force_login(user_make(role=role, team=team))
        for path in ("", "new/", f"{target.pk}/", f"{target.pk}/edit/", f"{target.pk}/now/"):
            assert "of the site has it" in shown(client.get(f"/admin/compute/{path}"), 403)
        for act in ("test", "drain", "resume", "remove"):
            assert client.post(f"/admin/compute/{target.pk}/{act}/").status_code == 403
        assert "/admin/compute/" not in client.get("/").content.decode()
    assert local().state == "HEALTHY"


def test_the_api_takes_a_secret_and_never_gives_it(page):
    made = page.post(
        "/api/v1/compute-targets",
        {"name": "cluster", "kind": "ray", "address": "http://127.0.0.1:9", "secret": SECRET},
        content_type="application/json",
    )
    pk = made.json()["id"]
    answers = [
        made,
        page.get("/api/v1/compute-targets"),
        page.get(f"/api/v1/compute-targets/{pk}"),
        page.patch(f"/api/v1/compute-targets/{pk}", {"slots": 3}, content_type="application/json"),
        page.post(f"/api/v1/compute-targets/{pk}/test", content_type="application/json"),
        page.post(f"/api/v1/compute-targets/{pk}/drain", {"reason": "x"}, content_type="application/json"),
        page.post(f"/api/v1/compute-targets/{pk}/resume", content_type="application/json"),
    ]

    assert [one.status_code for one in answers] == [201, 200, 200, 200, 202, 200, 200]
    assert not any(SECRET in one.content.decode() for one in answers)
    assert made.json()["has_secret"] is True
    assert page.get(f"/api/v1/compute-tests/{answers[4].json()['id']}").json()["steps"][0]["state"] == "WAITING"
    assert page.delete(f"/api/v1/compute-targets/{pk}").status_code == 204
    assert page.get(f"/api/v1/compute-targets/{pk}").status_code == 404


def test_a_launch_offers_the_choice_only_where_there_is_one():
    from apps.compute.selectors import target_choices
    from apps.training.web.forms import LaunchForm

    team = team_make()
    drawn = {"versions": [], "problems": [], "recipes": [], "recipe": "ridge", "task": "REGRESSION"}

    def offered() -> list[str]:
        form = LaunchForm(targets=[(str(one.pk), one.name) for one in target_choices(team.pk)], **drawn)
        return [name for _, name in form.fields["target_id"].choices] if "target_id" in form.fields else []

    local()
    assert offered() == []
    target_make(name="untested")
    healthy_make(name="others", all_teams=False, team_ids=[team_make().pk])
    assert offered() == []
    healthy_make(name="mine", all_teams=False, team_ids=[team.pk])
    assert offered() == ["local", "mine"]
