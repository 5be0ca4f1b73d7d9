"""The trail: append-only, linked, and every way to tamper with it is found."""

from __future__ import annotations

import json
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from apps.audit.models import AuditEvent
from apps.audit.selectors import audit_verify, chain_head
from apps.audit.services import audit_record, audit_seal
from apps.audit.tasks import audit_seal as audit_seal_task
from apps.core.actors import Actor

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def write(count: int, prefix: str = "e") -> None:
    for number in range(count):
        audit_record(
            actor=SYSTEM,
            action="thing.change",
            object_type="test.thing",
            object_id=f"{prefix}{number}",
            object_label=f"Thing {prefix}{number}",
            before={"x": number},
            after={"x": number + 1, "ü": "ö"},
        )


def tamper(sql: str, *values: object) -> None:
    """What a superuser with a shell could do: past every trigger."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("SET session_replication_role = DEFAULT")


def kinds() -> list[tuple[str, int]]:
    return [(fault.kind, fault.sequence) for fault in audit_verify().faults]


def test_empty_chain_holds():
    report = audit_verify()

    assert (report.ok, report.checked, report.tail) == (True, 0, 0)


def test_sealed_chain_holds_and_is_gapless():
    write(25)
    assert audit_verify().tail == 25

    assert audit_seal() == 25
    write(5, "later")
    assert audit_seal_task() == 5

    report = audit_verify()
    assert (report.ok, report.checked, report.last_sequence, report.tail) == (True, 30, 30, 0)
    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, 31))
    assert audit_seal() == 0


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditevent SET actor_label = 'somebody else'",
        "UPDATE audit_auditevent SET after = '{}'::jsonb",
        "UPDATE audit_auditevent SET at = now()",
        "DELETE FROM audit_auditevent",
    ],
)
def test_database_refuses_to_change_an_entry(sql, sealed):
    write(2)
    if sealed:
        audit_seal()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_database_refuses_to_seal_again():
    write(1)
    audit_seal()

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET hash = repeat('0', 64)")


@pytest.mark.parametrize(
    "change",
    [
        "actor_label = 'x'",
        "action = 'x'",
        "object_label = 'x'",
        "object_id = 'x'",
        "reason = 'x'",
        "request_id = 'x'",
        "at = at - interval '1 second'",
        "before = '{\"x\": 99}'::jsonb",
        "after = NULL",
        "team_id = gen_random_uuid()",
        "actor_kind = 'USER'",
        "on_behalf_of = 'x'",
    ],
)
def test_altered_entry_is_found(change):
    write(5)
    audit_seal()

    tamper("UPDATE audit_auditevent SET CHANGE WHERE sequence = 3".replace("CHANGE", change))

    assert kinds() == [("ALTERED", 3)]


def test_altered_entry_with_a_fitting_hash_breaks_the_next_link():
    from apps.audit.services import event_hash

    write(5)
    audit_seal()
    event = AuditEvent.objects.get(sequence=3)
    event.reason = "rewritten"
    forged = event_hash(event, 3, event.previous_hash or "")

    tamper("UPDATE audit_auditevent SET reason = 'rewritten', hash = %s WHERE sequence = 3", forged)

    assert kinds() == [("BROKEN_LINK", 4)]


def test_missing_entry_is_found():
    write(6)
    audit_seal()

    tamper("DELETE FROM audit_auditevent WHERE sequence IN (2, 3)")

    assert kinds() == [("MISSING", 4)]
    assert "2 to 3" in audit_verify().faults[0].detail


def test_missing_first_entry_is_found():
    write(3)
    audit_seal()

    tamper("DELETE FROM audit_auditevent WHERE sequence = 1")

    assert kinds()[0] == ("MISSING", 2)


def test_missing_entry_with_closed_gap_is_found():
    write(4)
    audit_seal()

    tamper("DELETE FROM audit_auditevent WHERE sequence = 2")
    tamper("UPDATE audit_auditevent SET sequence = sequence - 1 WHERE sequence = 3")
    tamper("UPDATE audit_auditevent SET sequence = sequence - 1 WHERE sequence = 4")

    assert ("BROKEN_LINK", 2) in kinds()
    assert ("ALTERED", 2) in kinds()


def test_reordered_entries_are_found():
    write(5)
    audit_seal()

    tamper("UPDATE audit_auditevent SET sequence = -1 WHERE sequence = 2")
    tamper("UPDATE audit_auditevent SET sequence = 2 WHERE sequence = 3")
    tamper("UPDATE audit_auditevent SET sequence = 3 WHERE sequence = -1")

    found = kinds()
    assert ("REORDERED", 2) in found
    assert found[0][1] == 2


def test_end_cut_off_is_found_with_a_noted_head():
    write(5)
    audit_seal()
    sequence, digest = chain_head()

    tamper("DELETE FROM audit_auditevent WHERE sequence >= 4")

    assert audit_verify().ok
    report = audit_verify(expect_sequence=sequence, expect_hash=digest)
    assert [(f.kind, f.sequence) for f in report.faults] == [("MISSING", 4)]


def test_whole_chain_written_anew_is_found_with_a_noted_head():
    write(3)
    audit_seal()
    sequence, digest = chain_head()
    tamper("UPDATE audit_auditevent SET sequence = NULL, previous_hash = NULL, hash = NULL, reason = 'forged'")
    audit_seal()

    assert audit_verify().ok
    assert audit_verify(expect_sequence=sequence, expect_hash=digest).first_fault.kind == "ALTERED"


def test_verify_reads_in_flat_queries(django_assert_max_num_queries):
    write(50)
    audit_seal()

    with django_assert_max_num_queries(8):
        assert audit_verify().ok


def test_command_says_first_fault_and_fails():
    write(3)
    audit_seal()
    out = StringIO()
    call_command("audit_verify", stdout=out)
    assert "3 entries" in out.getvalue()
    tamper("UPDATE audit_auditevent SET reason = 'x' WHERE sequence = 2")

    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit_verify", stdout=out)

    assert "ALTERED at 2" in out.getvalue()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit_verify", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["ok"], report["faults"][0]["sequence"]) == (False, 2)


def test_command_speaks_of_the_tail():
    write(2)
    out = StringIO()

    call_command("audit_verify", stdout=out)

    assert "2 entries wait" in out.getvalue()


def test_entry_and_change_are_rolled_back_together():
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_writers_and_sealers_at_once():
    """Many writers in their own transactions, two sealers beside them: gapless, linked, nobody waits for long."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - handed to the test
                failures.append(error)
            finally:
                connection.close()

        return threading.Thread(target=run)

    def writer(name: str):
        def work():
            for number in range(20):
                with transaction.atomic():
                    write(2, f"{name}-{number}-")
                    if number % 5 == 4:
                        transaction.set_rollback(True)

        return work

    def sealer():
        while not stop.is_set():
            audit_seal(limit=7)

    writers = [guarded(writer(f"w{n}")) for n in range(6)]
    sealers = [guarded(sealer) for _ in range(2)]
    for thread in [*writers, *sealers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    while audit_seal():
        pass

    assert failures == []
    report = audit_verify()
    assert report.ok
    assert report.checked == report.last_sequence == 6 * 16 * 2
    assert report.tail == 0
