"""Who reads what of the trail, on the page, in the API and in files."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audit import selectors
from apps.audit.models import AuditEvent
from apps.audit.services import audit_record, audit_seal
from apps.audit.tests.factories import actor_of, person_row, team_row
from apps.core.actors import Actor, ActorKind, Role
from apps.core.errors import NotFound

pytestmark = pytest.mark.django_db


def entry(actor: Actor, team=None, action: str = "thing.change", label: str = "Thing", **more) -> AuditEvent:
    return audit_record(
        actor=actor,
        action=action,
        object_type="test.thing",
        object_id="1",
        object_label=label,
        team_id=team.pk if team else None,
        **more,
    )


def seen(actor: Actor) -> set[str]:
    return set(selectors.audit_list(actor).values_list("object_label", flat=True))


def test_scopes_by_role():
    mine, other = team_row(), team_row()
    scientist = actor_of(Role.DATA_SCIENTIST, mine.pk)
    entry(scientist, mine, label="own")
    entry(Actor.system(), mine, label="team")
    entry(Actor.system(), other, label="foreign")
    entry(Actor.system(), label="site")

    assert seen(scientist) == {"own"}
    assert seen(actor_of(Role.VIEWER, mine.pk)) == set()
    assert seen(actor_of(Role.OPERATOR, mine.pk)) == set()
    assert seen(actor_of(Role.PRODUCT_OWNER, mine.pk)) == {"own", "team"}
    assert seen(actor_of(Role.AUDITOR, mine.pk)) == {"own", "team"}
    assert seen(actor_of(Role.ADMINISTRATOR, mine.pk)) == {"own", "team"}
    assert seen(actor_of(Role.PRODUCT_OWNER)) == {"own", "team", "foreign"}
    assert seen(actor_of(Role.AUDITOR)) == {"own", "team", "foreign", "site"}
    assert seen(actor_of(Role.ADMINISTRATOR)) == {"own", "team", "foreign", "site"}
    assert seen(Actor.anonymous()) == set()


def test_token_without_the_scope_reads_nothing_of_others():
    entry(Actor.system(), team_row(), label="team")

    assert seen(actor_of(Role.AUDITOR, kind=ActorKind.TOKEN, scopes=frozenset({"predict"}))) == set()
    assert seen(actor_of(Role.AUDITOR, kind=ActorKind.TOKEN, scopes=frozenset({"read"}))) == {"team"}


def test_filters():
    team = team_row()
    auditor = actor_of(Role.AUDITOR)
    person = actor_of(Role.DATA_SCIENTIST, team.pk)
    entry(person, team, action="dataset.create", label="Arrests", reason="for the demo")
    old = entry(Actor.system("beat"), action="policy.activate", label="Gate")

    def labels(**filters):
        return set(selectors.audit_list(auditor, **filters).values_list("object_label", flat=True))

    assert labels(action="dataset") == {"Arrests"}
    assert labels(action="dataset.create") == {"Arrests"}
    assert labels(action="data") == set()
    assert labels(person="beat") == {"Gate"}
    assert labels(actor_id=person.id) == {"Arrests"}
    assert labels(object_type="test.thing", object_id="1") == {"Arrests", "Gate"}
    assert labels(text="demo") == {"Arrests"}
    assert labels(team_id=team.pk) == {"Arrests"}
    assert labels(since=timezone.now() + timedelta(hours=1)) == set()
    assert labels(until=timezone.now() - timedelta(hours=1)) == set()
    assert selectors.audit_get(auditor, old.pk) == old
    with pytest.raises(NotFound):
        selectors.audit_get(person, old.pk)
    assert selectors.action_list() == ["dataset.create", "policy.activate"]
    assert [e.object_label for e in selectors.audit_of_object(auditor, "test.thing", "1")] == ["Gate", "Arrests"]


def test_token_is_named_as_such():
    token_id = uuid.uuid4()
    actor = actor_of(Role.ADMINISTRATOR, kind=ActorKind.TOKEN, token_id=token_id, request_id="ref-1")

    found = entry(actor)

    assert (found.actor_kind, found.actor_id, found.request_id) == ("TOKEN", actor.id, "ref-1")
    assert found.on_behalf_of == f"token {token_id}"


def test_page_filters_verify_and_exports(client):
    auditor = person_row(Role.AUDITOR)
    client.force_login(auditor)
    found = entry(
        Actor.system(), team_row(), label="<b>Arrests</b>", before={"a": 1}, after={"a": "=2+2"}, reason="-why"
    )
    audit_seal()

    html = client.get(reverse("audit-list")).content.decode()
    assert "&lt;b&gt;Arrests" in html
    assert "Arrests" not in client.get(reverse("audit-list"), {"action": "nothing.else"}).content.decode()
    assert "Arrests" in client.get(reverse("audit-list"), {"action": "thing"}).content.decode()
    assert client.get(reverse("audit-detail", args=[found.pk])).status_code == 200
    verified = client.post(reverse("audit-verify")).content.decode()
    assert "The chain holds" in verified
    lines = b"".join(client.get(reverse("audit-export"), {"format": "jsonl"}).streaming_content).decode()
    [row] = [json.loads(line) for line in lines.splitlines()]
    found.refresh_from_db()
    assert (row["hash"], row["previous_hash"], row["sequence"]) == (found.hash, found.previous_hash, 1)
    table = b"".join(client.get(reverse("audit-export"), {"format": "csv"}).streaming_content).decode()
    [record] = list(csv.DictReader(io.StringIO(table)))
    assert record["hash"] == found.hash
    assert record["reason"] == "'-why"


def test_export_is_enough_to_check_the_chain():
    """The exported lines alone give every hash again, without this product."""
    import hashlib

    for number in range(3):
        entry(Actor.system(), label=f"ü {number}", after={"n": number})
    audit_seal()
    from apps.audit.exports import export_json_lines

    previous = "0" * 64
    for line in export_json_lines(AuditEvent.objects.all()):
        row = json.loads(line)
        body = {
            "sequence": row["sequence"],
            "previous": previous,
            "id": row["id"],
            "at": row["at"],
            "actor": [row["actor_kind"], str(row["actor_id"]), row["actor_label"], row["on_behalf_of"]],
            "action": row["action"],
            "object": [row["object_type"], row["object_id"], row["object_label"]],
            "team": str(row["team_id"]),
            "problem": str(row["problem_id"]),
            "reason": row["reason"],
            "before": row["before"],
            "after": row["after"],
            "request": row["request_id"],
        }
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert previous == row["hash"]


def test_verify_is_for_auditors_and_administrators(client):
    team = team_row()
    client.force_login(person_row(Role.PRODUCT_OWNER, team))

    assert client.post(reverse("audit-verify")).status_code == 403
    assert client.post("/api/v1/audit/verification").status_code == 403
    assert client.get(reverse("audit-list")).status_code == 200


def test_entry_of_another_team_is_404(client):
    client.force_login(person_row(Role.PRODUCT_OWNER, team_row()))
    foreign = entry(Actor.system(), team_row())

    assert client.get(reverse("audit-detail", args=[foreign.pk])).status_code == 404
    assert client.get(f"/api/v1/audit/{foreign.pk}").status_code == 404
    assert client.get("/api/v1/audit").json()["results"] == []


def test_api(client):
    user = person_row(Role.AUDITOR)
    client.force_login(user)
    found = entry(Actor.system(), team_row(), after={"x": [1, {"y": None}]})
    audit_seal()

    assert client.get("/api/v1/audit?action=thing").json()["results"][0]["id"] == str(found.pk)
    assert client.get(f"/api/v1/audit/{found.pk}").json()["after"] == {"x": [1, {"y": None}]}
    assert client.post("/api/v1/audit/verification").json()["ok"] is True
    assert client.get("/api/v1/audit?since=yesterday").status_code == 400
    assert client.get("/api/v1/audit?team_id=x").status_code == 400
    assert client.get("/api/v1/audit?text=%00").status_code == 200
    assert client.get("/api/v1/audit?since=2020-13-45T00:00:00Z").status_code == 400


def test_page_budget_with_many_entries(client, django_assert_max_num_queries):
    client.force_login(person_row(Role.ADMINISTRATOR))
    for number in range(120):
        entry(Actor.system(), label=f"n{number}")
    audit_seal()

    with django_assert_max_num_queries(15):
        assert client.get(reverse("audit-list")).status_code == 200


def test_rail_shows_audit_by_role():
    from apps.audit.policies import may_open

    assert may_open(actor_of(Role.AUDITOR, uuid.uuid4()))
    assert not may_open(actor_of(Role.VIEWER, uuid.uuid4()))
