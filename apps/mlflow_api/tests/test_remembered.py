"""What a process remembers of a token is proven by each write: what was taken away ends at the very next call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken, Grant, Team, User
from apps.audit.models import AuditEvent
from apps.core.actors import Actor, Role
from apps.experiments.models import Metric, Run
from apps.mlflow_api.tests.conftest import Caller, Person, person_make

# Inside a transaction of somebody else nothing is decided by memory.
pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("test")
WRITES = (
    "runs/log-metric", "runs/log-parameter", "runs/set-tag", "runs/log-batch", "runs/update", "runs/create",
)  # fmt: skip


def _body(person: Person, name: str) -> dict[str, Any]:
    if name == "runs/create":
        return {"experiment_id": str(person.experiment.number), "run_name": "late"}
    metric = {"key": "late", "value": 1, "timestamp": 1}
    further = {
        "runs/log-metric": metric,
        "runs/log-batch": {"metrics": [metric]},
        "runs/update": {"status": "FAILED"},
    }
    return {"run_id": person.run.pk.hex} | further.get(name, {"key": "late", "value": "1"})


def _log(caller: Caller, person: Person, step: int) -> tuple[int, dict[str, Any]]:
    return caller.post("runs/log-metric", run_id=person.run.pk.hex, key="loss", value=1, timestamp=1, step=step)


def _warm(person: Person) -> Caller:
    """A client whose token this process remembers."""
    caller = Caller(person)
    assert [_log(caller, person, step)[0] for step in (1, 2)] == [200, 200]
    return caller


def _state(person: Person) -> tuple[object, ...]:
    """Whatever the calls would change."""
    run = Run.objects.get(pk=person.run.pk)
    counts = [model.objects.count() for model in (Run, Metric, AuditEvent)]
    return (run.status, run.params, run.tags, run.metrics_latest, *counts)


def _revoke(person: Person) -> None:
    accounts.token_revoke(actor=SYSTEM, token_id=ApiToken.objects.get(user=person.user).pk)


def _expire(person: Person) -> None:
    ApiToken.objects.filter(user=person.user).update(expires_at=timezone.now() - timedelta(seconds=1))


def _remove(person: Person) -> None:
    User.objects.filter(pk=person.user.pk).update(is_active=False)


def _leave(person: Person) -> None:
    accounts.grant_remove(actor=SYSTEM, grant_id=Grant.objects.get(user=person.user).pk)


def _run_out(person: Person) -> None:
    Grant.objects.filter(user=person.user).update(until=timezone.now() - timedelta(seconds=1))


def _team_closed(person: Person) -> None:
    Team.objects.filter(pk=person.team.pk).update(archived_at=timezone.now())


def _only_look(person: Person) -> None:
    Grant.objects.filter(user=person.user).update(role=Role.VIEWER)


def _narrow(person: Person) -> None:
    ApiToken.objects.filter(user=person.user).update(scopes=["read"])


def test_a_remembered_token_costs_no_call_of_its_own():
    person = person_make()
    caller = _warm(person)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        answers = [caller.post(name, **_body(person, name))[0] for name in WRITES]

    assert answers == [200] * len(WRITES)
    assert len(asked) == len(WRITES)


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize(
    ("end", "status"),
    [
        (_revoke, 401),
        (_expire, 401),
        (_remove, 401),
        (_leave, 404),
        (_run_out, 404),
        (_team_closed, 404),
        (_only_look, 403),
        (_narrow, 403),
    ],
)
def test_what_was_taken_away_ends_at_the_next_call(name: str, end: Callable[[Person], None], status: int):
    person = person_make()
    caller = _warm(person)
    end(person)
    before = _state(person)

    answer, body = caller.post(name, **_body(person, name))

    assert (answer, _state(person)) == (status, before), body


def test_a_revoked_token_is_told_so_before_anything_else():
    person = person_make()
    caller = _warm(person)
    _revoke(person)

    answers = [
        caller.post("runs/log-metric", run_id="nonsense")[0],
        caller.post("runs/log-metric", run_id=person.run.pk.hex, key="../up", value=1, timestamp=1)[0],
        caller.get("runs/log-metric")[0],
        caller.post("runs/set-tag", run_id=person.run.pk.hex, key="mlflow.runName", value="renamed")[0],
    ]

    assert answers == [401] * 4
    assert Run.objects.get(pk=person.run.pk).name == person.run.name


def test_no_name_reads_as_a_right_that_was_taken_away():
    person = person_make()
    caller = _warm(person)
    grant = Grant.objects.get(user=person.user)
    held = f"|{grant.role}:{grant.team_id}"
    _leave(person)

    for name in (held, f"{person.user.last_name}{held}", f"{held}|", held[1:]):
        User.objects.filter(pk=person.user.pk).update(last_name=name[:150])
        assert _log(caller, person, 3)[0] == 404


def test_what_is_given_counts_at_the_next_call_too():
    person = person_make(role=Role.VIEWER)
    caller = Caller(person)
    refused = [_log(caller, person, 1)[0] for _ in range(2)]

    Grant.objects.filter(user=person.user).update(role=Role.DATA_SCIENTIST)

    assert refused == [403, 403]
    assert _log(caller, person, 1)[0] == 200


def test_two_people_are_never_taken_for_each_other():
    one, other = person_make(), person_make()
    callers = _warm(one), _warm(other)

    assert _log(callers[0], other, 3)[0] == 404
    assert _log(callers[1], one, 3)[0] == 404
    assert _log(callers[0], one, 3)[0] == 200


def test_the_audit_names_who_wrote_now_and_the_request():
    person = person_make()
    caller = _warm(person)
    User.objects.filter(pk=person.user.pk).update(first_name="Renamed", last_name="Since")
    caller.client.defaults["HTTP_X_REQUEST_ID"] = "reference-1234"

    status, made = caller.post("runs/create", **_body(person, "runs/create"))

    entry = AuditEvent.objects.get(action="run.create", object_id=str(Run.objects.get(name="late").pk))
    assert status == 200
    assert made["run"]["info"]["run_name"] == "late"
    assert (entry.actor_id, entry.actor_label) == (person.user.pk, "Renamed Since")
    assert entry.on_behalf_of == f"token {ApiToken.objects.get(user=person.user).pk}"
    assert entry.request_id == "reference-1234"
