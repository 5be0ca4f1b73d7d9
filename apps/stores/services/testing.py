"""Testing a store: a small file is written, read, listed and deleted, step by step, as it goes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core import formats
from apps.core.actors import Actor
from apps.core.blob_places import OWN
from apps.core.blob_use import PlaceUse, place_use
from apps.core.broker import task_send
from apps.stores.contracts import EVERY_FIELD, STEPS
from apps.stores.models import StorageBackend, StorageTest
from apps.stores.policies import require_stores_manage
from apps.stores.selectors import backend_get
from apps.stores.services.faults import fault_words
from apps.stores.services.opening import MARK, StoreClosed, backend_open, secret_open, storage_forget
from apps.stores.services.states import State, backend_lock, backend_transition

TASK = "apps.stores.tasks.store_test_run"
STEP_SECONDS = 30.0
"""So long may one step take; the libraries' own patience is shorter where they have one."""
SIZE = 64 * 1024


def backend_test(*, actor: Actor, backend_id: uuid.UUID) -> StorageTest:
    """Begin a test; a worker takes its steps. The one that runs already is answered again.

    Raises NotFound, Forbidden.
    """
    require_stores_manage(actor)
    backend_get(actor, backend_id)
    with transaction.atomic():
        backend = backend_lock(backend_id)
        running: StorageTest | None = backend.tests.filter(state=StorageTest.State.RUNNING).first()
        if running is not None:
            return running
        steps = [{"key": key, "state": "WAITING", "seconds": None, "text": ""} for key, _ in STEPS]
        test: StorageTest = StorageTest.objects.create(backend=backend, steps=steps, created_by_label=actor.label[:200])
        audit_record(actor=actor, action="store.test", thing=backend)
        task_send(TASK, test.pk)
    return test


class _Failed(Exception):
    """A step that failed: what happened, and what to do."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.text, self.advice = text, advice


@dataclass
class _Course:
    """The steps of one test; each change is saved at once."""

    test: StorageTest
    secret: str = ""
    at: str = STEPS[0][0]
    began: float = field(default_factory=time.monotonic)

    def take(self, key: str, act: Callable[[], str], advice: str = "") -> None:
        """One step. Raises _Failed."""
        self.at, self.began = key, time.monotonic()
        self._set("RUNNING", None, "")
        try:
            text = _in_time(act)
        except StoreClosed as error:
            raise _Failed(str(error)) from error
        except Late as error:
            raise _Failed(f"It gave no answer in {STEP_SECONDS:g} s.", advice) from error
        except _Failed:
            raise
        except Exception as error:
            raise _Failed(fault_words(error, self.secret), advice) from error
        self._set("PASSED", time.monotonic() - self.began, text)

    def failed(self, text: str) -> None:
        self._set("FAILED", time.monotonic() - self.began, text)

    def _set(self, state: str, seconds: float | None, text: str) -> None:
        step: dict[str, Any] = next(one for one in self.test.steps if one["key"] == self.at)
        step.update(state=state, seconds=None if seconds is None else round(seconds, 3), text=text[:1000])
        self.test.save(update_fields=["steps", "updated_at"])


def _in_time(act: Callable[[], str]) -> str:
    """What `act` says. A step that hangs is left behind in a thread of its own, which ends with the process."""
    future: Future[str] = Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="store-test").start()
    return future.result(timeout=STEP_SECONDS)


def test_run(*, test_id: uuid.UUID) -> StorageTest:
    """Take the steps of a test and judge the store by them; a test that was ended meanwhile is left as it is."""
    test = StorageTest.objects.select_related("backend").get(pk=test_id)
    if test.state != StorageTest.State.RUNNING:
        return test
    course = _Course(test)
    failure: _Failed | None = None
    try:
        _steps(course, test.backend)
    except _Failed as failed:
        failure = failed
        course.failed(failed.text)
    return _judge(test, failure, course.at)


def _steps(course: _Course, backend: StorageBackend) -> None:
    held: list[Storage] = []

    def begin() -> str:
        held.append(_opened(backend))
        return type(held[0]).__name__

    course.take("open", begin, "Check its options and its secret.")
    course.secret = secret_open(backend) if not backend.builtin else ""
    store, name, content = held[0], f"{MARK}-test/{course.test.pk}", os.urandom(SIZE)
    known = {str(pk) for pk in StorageBackend.objects.filter(state=State.REMOVED).values_list("pk", flat=True)}
    names = {str(pk): name for pk, name in StorageBackend.objects.values_list("pk", "name")}
    holds = place_use().get(backend.pk, PlaceUse()).files
    advice = "Check its address, its place and its secret, then test again."
    course.take("claim", lambda: _claim(store, backend, known, names, holds), advice)
    course.take("write", lambda: _write(store, name, content), "It needs to write there.")
    try:
        course.take("read", lambda: _read(store, name, content), "It needs to read there.")
        course.take("list", lambda: _list(store, name), "It needs to list what is there.")
    except _Failed:
        _in_silence(lambda: store.delete(name))
        raise
    course.take(
        "delete", lambda: _delete(store, name), "It needs to delete there: a purge must be able to keep its word."
    )


def _opened(backend: StorageBackend) -> Storage:
    """Anew, not what this process remembers; a folder whose mark is gone may get it again by a test."""
    untested = StorageBackend(**{one.attname: getattr(backend, one.attname) for one in backend._meta.concrete_fields})
    untested.state = State.UNTESTED
    if backend.kind == StorageBackend.Kind.FILE and not os.path.isdir(backend.location):
        raise StoreClosed(f"There is no folder {backend.location} on this machine, or its user may not see it.")
    return backend_open(untested)


def _claim(store: Storage, backend: StorageBackend, removed: set[str], names: dict[str, str], holds: int) -> str:
    """Each store has a mark of its own, so that two records of one place are found however it is written."""
    own = storages["blobs"]
    if not own.exists(MARK):
        own.save(MARK, ContentFile(str(OWN).encode()))
    if store.exists(MARK):
        with store.open(MARK, "rb") as handle:
            whose = handle.read(100).decode("ascii", "replace").strip()
        if whose == str(backend.pk):
            return "It has the mark of this record."
        if whose not in removed:
            told = f"the storage backend “{names[whose]}”" if whose in names else "another installation of Fairway"
            raise _Failed(f"This place is used by {told}.", "Give it a prefix or a folder of its own.")
        store.delete(MARK)
    elif holds and not backend.builtin:
        raise _Failed(
            f"It has lost its mark, and should hold {formats.counted(holds, 'file')}.",
            "Is this the same place, is its disk mounted?",
        )
    store.save(MARK, ContentFile(str(backend.pk).encode()))
    return "It has got the mark of this record."


def _write(store: Storage, name: str, content: bytes) -> str:
    saved = store.save(name, ContentFile(content))
    if saved != name:
        store.delete(saved)
        raise _Failed("It gives files other names than they were given.")
    return formats.size(len(content))


def _read(store: Storage, name: str, content: bytes) -> str:
    with store.open(name, "rb") as handle:
        same = handle.read() == content
    if not same:
        raise _Failed("The bytes that came back are not those that were written.")
    return "byte for byte"


def _list(store: Storage, name: str) -> str:
    folder, _, file = name.rpartition("/")
    _, files = store.listdir(folder)
    if file not in files:
        raise _Failed("The file that was written is not in its list.")
    return "it is in the list"


def _delete(store: Storage, name: str) -> str:
    store.delete(name)
    if store.exists(name):
        raise _Failed("It is still there.")
    return "it is gone"


def _in_silence(act: Callable[[], object]) -> None:
    """Tidy up after a failure that is told already."""
    with contextlib.suppress(Exception):
        act()


def _judge(test: StorageTest, failure: _Failed | None, at: str) -> StorageTest:
    """Close the test and move the store by it."""
    system = Actor.system("stores")
    with transaction.atomic():
        backend = backend_lock(test.backend_id)
        locked = StorageTest.objects.select_for_update(of=("self",)).get(pk=test.pk)
        if locked.state != StorageTest.State.RUNNING:
            return locked
        options = (*EVERY_FIELD, "secret")
        # What was changed while the test ran was not tested.
        same = all(getattr(backend, one) == getattr(test.backend, one) for one in options)
        test.ended_at = timezone.now()
        if failure is None:
            test.state = StorageTest.State.PASSED
            told = "It writes, reads, lists and deletes."
            test.verdict = told if same else "It was changed meanwhile: test again."
            if same:
                backend.tested_at = backend.checked_at = backend.answered_at = timezone.now()
                backend.failures, backend.fault = 0, ""
                backend.save(update_fields=["tested_at", "checked_at", "answered_at", "failures", "fault"])
                if backend.state == State.UNTESTED:
                    backend_transition(actor=system, backend=backend, to=State.HEALTHY, reason="A test passed.")
        else:
            words = dict(STEPS)[at]
            test.state = StorageTest.State.FAILED
            test.verdict = f"{words}: {failure.text} {failure.advice}".strip()[:1000]
            if same:
                # Its state stays: what lies in it is needed, and a write that fails says so itself.
                backend.fault = f"Its test failed at “{words}”: {failure.text}"[:500]
                backend.checked_at = timezone.now()
                backend.tested_at = None
                backend.save(update_fields=["fault", "checked_at", "tested_at"])
        storage_forget(backend.pk)
        test.save(update_fields=["state", "verdict", "ended_at", "updated_at"])
    return test
