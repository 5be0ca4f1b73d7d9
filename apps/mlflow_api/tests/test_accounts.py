"""MLflow's calls about users, roles and permissions: told truthfully, changed by Fairway's rules alone."""

from __future__ import annotations

import pytest

from apps.accounts.models import Grant, User
from apps.accounts.tests.factories import user_make
from apps.core.actors import Role
from apps.mlflow_api.tests.conftest import ROOT_3, Caller, Person, administrator_headers, attempt_token, person_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator() -> Caller:
    return Caller(administrator_headers())


@pytest.fixture
def administrator_3() -> Caller:
    return Caller(administrator_headers(), ROOT_3)


def test_one_is_told_who_one_is_and_what_one_may(person: Person):
    role_id = f"{person.team.slug}:DATA_SCIENTIST"

    me = Caller(person).get("users/current")[1]
    rights = Caller(person, ROOT_3).get("users/current/permissions")[1]
    same = Caller(person, ROOT_3).get("users/permissions/list", username=person.user.username)[1]

    assert me["user"] == {"id": str(person.user.pk), "username": person.user.username, "is_admin": False}
    assert rights == same
    assert rights["is_admin"] is False
    assert {(row["role_id"], row["workspace"]) for row in rights["permissions"]} == {(role_id, person.team.slug)}
    assert {row["resource_type"]: row["permission"] for row in rights["permissions"]} == {
        "experiment": "EDIT",
        "run": "EDIT",
        "logged_model": "EDIT",
        "trace": "EDIT",
        "assessment": "EDIT",
        "registered_model": "EDIT",
        "registered_model_version": "EDIT",
        "workspace": "USE",
    }


def test_people_of_other_teams_do_not_exist(person: Person, stranger: Person):
    mate = user_make(role=Role.VIEWER, team=person.team)
    name = stranger.user.username

    _, listed = Caller(person).get("users/list")
    refused = [
        Caller(person).get("users/get", username=name)[0],
        Caller(person, ROOT_3).get("users/roles/list", username=name)[0],
        Caller(person, ROOT_3).get("users/permissions/list", username=name)[0],
        Caller(person, ROOT_3).get("roles/get", role_id=f"{stranger.team.slug}:VIEWER")[0],
        Caller(person, ROOT_3).get("roles/users/list", role_id=f"{stranger.team.slug}:DATA_SCIENTIST")[0],
        Caller(person, ROOT_3).get("roles/list", workspace=stranger.team.slug)[0],
    ]

    names = {user["username"]: [role["id"] for role in user["roles"]] for user in listed["users"]}
    assert names[mate.username] == [f"{person.team.slug}:VIEWER"]
    assert name not in names
    assert refused == [404] * len(refused)


@pytest.mark.parametrize("path", ["users/list", "users/current", "users/get?username=x"])
def test_a_jobs_token_and_one_that_may_not_read_are_not_told_who_is_here(person: Person, path: str):
    narrow = person_make(team=person.team, scopes=("predict",))

    answers = [
        Caller({"Authorization": f"Bearer {attempt_token(person)}"}).get(path),
        Caller(narrow).get(path),
    ]

    assert [(status, body["error_code"]) for status, body in answers] == [(403, "PERMISSION_DENIED")] * 2


def test_roles_are_fixed_and_told(person: Person):
    caller = Caller(person, ROOT_3)

    _, found = caller.get("roles/list", workspace=person.team.slug)
    _, viewer = caller.get("roles/permissions/list", role_id=f"{person.team.slug}:VIEWER")
    everything = caller.get("roles/list")
    _, holders = caller.get("roles/users/list", role_id=f"{person.team.slug}:DATA_SCIENTIST")

    assert [role["name"] for role in found["roles"]] == [role.value for role in Role]
    assert {row["permission"] for row in viewer["role_permissions"]} == {"READ"}
    assert everything[0] == 403
    assert str(person.user.pk) in [row["user_id"] for row in holders["assignments"]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "roles/create"),
        ("patch", "roles/update"),
        ("delete", "roles/delete"),
        ("post", "roles/permissions/add"),
        ("patch", "roles/permissions/update"),
        ("delete", "roles/permissions/remove"),
        ("post", "users/permissions/grant"),
        ("post", "users/permissions/revoke"),
    ],
)
def test_roles_of_ones_own_and_rights_on_single_things_say_what_to_do_instead(administrator_3, method, path):
    status, body = getattr(administrator_3, method)(path, name="x")

    assert (status, body["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "Admin" in body["message"]


def test_the_right_on_a_thing_is_told_and_a_strangers_thing_gives_none(person: Person, stranger: Person):
    viewer = person_make(Role.VIEWER, person.team)
    caller = Caller(person, ROOT_3)

    def right(user: User, kind: str, key: str) -> tuple[bool, str]:
        _, body = caller.get("users/permissions/get", username=user.username, resource_type=kind, resource_id=key)
        return body["allowed"], body["permission"]

    assert right(person.user, "experiment", str(person.experiment.number)) == (True, "EDIT")
    assert right(viewer.user, "experiment", str(person.experiment.number)) == (False, "READ")
    assert right(person.user, "experiment", str(stranger.experiment.number)) == (False, "NO_PERMISSIONS")
    assert right(person.user, "registered_model", "nothing of this name") == (False, "NO_PERMISSIONS")
    assert right(viewer.user, "run", "*") == (False, "READ")
    for kind, key in (("workspace", "*"), ("run", "1" * 32)):
        query = {"username": person.user.username, "resource_type": kind, "resource_id": key}
        assert caller.get("users/permissions/get", **query)[0] == 400


def test_an_administrator_makes_a_person_without_a_password(administrator: Caller):
    status, body = administrator.post("users/create", username="ann@example.org", password="")
    named = administrator.post("users/create", username="bob", email="bob@example.org")
    taken = administrator.post("users/create", username="ann@example.org")
    nowhere = administrator.post("users/create", username="eve")

    assert (status, body["user"]["username"], body["user"]["is_admin"]) == (200, "ann@example.org", False)
    assert named[0] == 200
    assert (taken[0], nowhere[0]) == (400, 400)
    assert not User.objects.get(username="ann@example.org").has_usable_password()


def test_nobody_else_makes_a_person_and_nobody_sets_anothers_password(administrator: Caller):
    callers = [
        Caller(person_make(role, scopes=("read", "write", "admin"))) for role in (Role.VIEWER, Role.ADMINISTRATOR)
    ]
    before = User.objects.count()

    made = [caller.post("users/create", username="x@example.org")[0] for caller in callers]
    weak = administrator.post("users/create", username="x@example.org", password="password1234")
    changed = administrator.patch("users/update-password", username="person1", password="password1234")
    signed_up = administrator.post("users/create-ui", username="x", password="password1234")

    assert made == [403, 403]
    assert [answer[0] for answer in (weak, changed, signed_up)] == [403, 403, 403]
    assert "owner" in weak[1]["message"]
    assert "Account" in changed[1]["message"]
    assert "invitation" in signed_up[1]["message"]
    assert User.objects.count() == before


def test_nobody_promotes_themselves(person: Person):
    lead = person_make(Role.ADMINISTRATOR, scopes=("read", "write", "admin"))
    owner = f"{lead.team.slug}:PRODUCT_OWNER"

    answers = [
        Caller(who).patch("users/update-admin", username=who.user.username, is_admin=True)[0] for who in (person, lead)
    ]
    decides = Caller(lead, ROOT_3).post("roles/assign", username=lead.user.username, role_id=owner)
    site = Caller(lead, ROOT_3).post("roles/assign", username=lead.user.username, role_id="*:ADMINISTRATOR")
    viewer = Caller(person, ROOT_3).post(
        "roles/assign", username=person.user.username, role_id=f"{person.team.slug}:ADMINISTRATOR"
    )

    assert answers == [403, 403]
    assert (decides[0], site[0], viewer[0]) == (403, 403, 403)
    assert not Grant.objects.filter(user__in=[person.user, lead.user], team=None).exists()
    assert Grant.objects.filter(user=lead.user).count() == 1


def test_an_administrator_assigns_takes_promotes_and_removes(person: Person):
    headers = administrator_headers()
    users, roles = Caller(headers), Caller(headers, ROOT_3)
    name, owner = person.user.username, f"{person.team.slug}:PRODUCT_OWNER"

    given = roles.post("roles/assign", username=name, role_id=owner)
    held = {role["id"] for role in roles.get("users/roles/list", username=name)[1]["roles"]}
    taken = roles.delete("roles/unassign", username=name, role_id=owner)
    twice = roles.delete("roles/unassign", username=name, role_id=owner)
    promoted = users.patch("users/update-admin", username=name, is_admin=True)
    admin = users.get("users/get", username=name)[1]["user"]["is_admin"]
    ended = users.patch("users/update-admin", username=name, is_admin=False)
    gone = users.delete("users/delete", username=name)
    nobody = users.get("users/get", username=name)

    assert given[1]["assignment"]["role_id"] == owner
    assert held == {owner, f"{person.team.slug}:DATA_SCIENTIST"}
    assert [answer[0] for answer in (taken, twice, promoted, ended, gone, nobody)] == [200, 404, 200, 200, 200, 404]
    assert admin is True
    assert not User.objects.get(pk=person.user.pk).is_active


def test_the_last_administrator_stays(administrator: Caller):
    name = administrator.get("users/current")[1]["user"]["username"]

    gone = administrator.delete("users/delete", username=name)
    ended = administrator.patch("users/update-admin", username=name, is_admin=False)

    assert (gone[0], ended[0]) == (409, 403)
    assert User.objects.get(username=name).is_active
