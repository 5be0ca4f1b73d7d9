"""From a record to the store that it tells of; and which store keeps a team's new bytes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, storages
from django.utils.module_loading import import_string

from apps.core.blob_places import OWN, place_lock
from apps.core.encryption import text_decrypt, text_encrypt
from apps.core.errors import Conflict, Unavailable
from apps.core.policies import who_can
from apps.stores.contracts import KINDS
from apps.stores.models import StorageBackend, TeamStore
from apps.stores.policies import VERB

State = StorageBackend.State
Kind = StorageBackend.Kind
MARK = "fairway-store"
"""A small file in each store that says whose it is."""

_PURPOSE = "storage backend"
_SPOOL_BYTES = 2 * 1024 * 1024
_REMEMBER_SECONDS = 5.0
_lock = threading.Lock()
_made: dict[uuid.UUID, tuple[float, tuple[Any, ...], Storage]] = {}


class StoreClosed(Exception):
    """A store that cannot be opened as it is described; the text is for people."""


def secret_close(secret: str) -> str:
    """The secret as it is stored; empty stays empty."""
    return text_encrypt(_PURPOSE, secret) if secret else ""


def secret_open(backend: StorageBackend) -> str:
    """The secret itself, for the store's library alone. Raises StoreClosed under another SECRET_KEY."""
    try:
        return text_decrypt(_PURPOSE, backend.secret) if backend.secret else ""
    except ValueError as error:
        raise StoreClosed("Its secret was stored under another SECRET_KEY: enter it again.") from error


def backend_open(backend: StorageBackend) -> Storage:
    """The store, without asking it anything. Raises StoreClosed."""
    if backend.builtin:
        return storages["blobs"]
    about = KINDS[backend.kind]
    if about.library and not library_there(about.library):
        raise StoreClosed(
            f"The library for {about.title} is not installed here: install {about.package} for web and workers."
        )
    return _OPENERS[backend.kind](backend, secret_open(backend))


def library_there(module: str) -> bool:
    """Is the module installed? Nothing is imported but its parents."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _folder(backend: StorageBackend, secret: str) -> Storage:
    if backend.state != State.UNTESTED and not (Path(backend.location) / MARK).is_file():
        # An empty folder where a disk should be would take files that vanish once the disk is back.
        raise StoreClosed(f"The folder {backend.location} has lost its mark: is its disk mounted?")
    return FileSystemStorage(location=backend.location, file_permissions_mode=0o600, directory_permissions_mode=0o700)


def _s3(backend: StorageBackend, secret: str) -> Storage:
    from botocore.config import Config

    # A store that is away is noticed within seconds; the library would wait minutes.
    patience = Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"total_max_attempts": 2, "mode": "standard"},
        s3={"addressing_style": "path"} if backend.endpoint_url else {},
    )
    options: dict[str, Any] = {
        "bucket_name": backend.location,
        "location": backend.prefix,
        "file_overwrite": True,
        "max_memory_size": _SPOOL_BYTES,
        "client_config": patience,
    }
    if backend.endpoint_url:
        options["endpoint_url"] = backend.endpoint_url
    if backend.region or backend.endpoint_url:
        options["region_name"] = backend.region or "us-east-1"
    if backend.key_id:
        options |= {"access_key": backend.key_id, "secret_key": secret}
    made: Storage = import_string("storages.backends.s3.S3Storage")(**options)
    return made


def _google(backend: StorageBackend, secret: str) -> Storage:
    options: dict[str, Any] = {
        "bucket_name": backend.location,
        "location": backend.prefix,
        "file_overwrite": True,
        "max_memory_size": _SPOOL_BYTES,
    }
    if secret:
        from google.oauth2 import service_account

        try:
            made_of = service_account.Credentials.from_service_account_info(json.loads(secret))  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise StoreClosed("The stored key is no key of a service account: paste the whole JSON file.") from error
        options |= {"credentials": made_of, "project_id": made_of.project_id}
    made: Storage = import_string("storages.backends.gcloud.GoogleCloudStorage")(**options)
    return made


def _azure(backend: StorageBackend, secret: str) -> Storage:
    made: Storage = import_string("storages.backends.azure_storage.AzureStorage")(
        account_name=backend.key_id,
        account_key=secret,
        azure_container=backend.location,
        location=backend.prefix,
        overwrite_files=True,
        timeout=10,
    )
    return made


_OPENERS: Mapping[str, Callable[[StorageBackend, str], Storage]] = {
    Kind.FILE: _folder,
    Kind.S3: _s3,
    Kind.GOOGLE: _google,
    Kind.AZURE: _azure,
}


def storage_of(place_id: uuid.UUID) -> Storage:
    """A store by the id of its record, one for all threads while the record stays as it is.

    A change is seen within five seconds. Raises Unavailable when it cannot be opened.
    """
    with _lock:
        held = _made.get(place_id)
    if held is not None and time.monotonic() - held[0] < _REMEMBER_SECONDS:
        return held[2]
    backend = StorageBackend.objects.filter(pk=place_id).exclude(state=State.REMOVED).first()
    if backend is None:
        raise Unavailable("The file store that has these bytes is not known any more.", code="store_away")
    state = (backend.row_version, backend.secret)
    if held is not None and held[1] == state and backend.kind != Kind.FILE:
        made = held[2]
    else:
        try:
            made = backend_open(backend)
        except StoreClosed as error:
            raise Unavailable(
                f"The file store “{backend.name}” cannot be opened. {error}", code="store_away"
            ) from error
    with _lock:
        _made[place_id] = (time.monotonic(), state, made)
    return made


def storage_forget(place_id: uuid.UUID) -> None:
    """This process opens the store anew when it is next used."""
    with _lock:
        _made.pop(place_id, None)


def home_of(team_id: uuid.UUID) -> uuid.UUID:
    """The store of a team's new bytes, which cannot be closed before the caller's transaction ends.

    Raises Conflict, saying who can do what, when it takes none.
    """
    pk = TeamStore.objects.filter(team_id=team_id).values_list("backend_id", flat=True).first()
    if pk is None or pk == OWN:
        return OWN
    place_lock(pk, alone=False)
    backend = StorageBackend.objects.only("name", "state").get(pk=pk)
    takes_require(backend)
    return pk


def takes_require(backend: StorageBackend) -> None:
    """Raise Conflict (store_closed) unless the store takes new bytes."""
    if backend.state == State.HEALTHY:
        return
    why = "is read-only" if backend.state == State.READ_ONLY else f"is {backend.get_state_display()}"
    what = "make it writable again" if backend.state == State.READ_ONLY else "test it"
    raise Conflict(
        f"The store “{backend.name}” of this team {why}: it takes no new files, and nothing was stored. "
        f"{who_can(VERB).capitalize()} of the site can {what}, or give the team another store (Admin › Storage).",
        code="store_closed",
    )


def homes() -> dict[uuid.UUID, uuid.UUID]:
    """{team: store} of teams that do not use the installation's own."""
    return dict(TeamStore.objects.values_list("team_id", "backend_id"))


def kept_days() -> dict[uuid.UUID, int]:
    """Days for which each store keeps bytes that nothing refers to."""
    rows = StorageBackend.objects.exclude(state=State.REMOVED)
    return dict(rows.values_list("pk", "retention_days"))
