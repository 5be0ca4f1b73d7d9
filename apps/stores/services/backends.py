"""Making and changing stores, and giving a team one."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blob_places import OWN, place_lock
from apps.core.blob_use import place_use
from apps.core.errors import Conflict, Invalid
from apps.stores import selectors
from apps.stores.contracts import ADDABLE, EVERY_FIELD, KINDS
from apps.stores.models import StorageBackend, TeamStore
from apps.stores.policies import require_stores_manage
from apps.stores.services.opening import secret_close, storage_forget, takes_require
from apps.stores.services.states import State, backend_lock, backend_transition

SECRET_LIMIT = 8000
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_BUCKET = re.compile(r"^[A-Za-z0-9$][A-Za-z0-9._-]{1,61}[A-Za-z0-9]\Z")
_PREFIX = re.compile(r"^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*\Z")
_REGION = re.compile(r"^[a-z0-9-]{1,63}\Z")
_KEY_ID = re.compile(r"^[A-Za-z0-9._/+=-]{1,200}\Z")
# Where the bytes lie: fixed once there are some.
_WHERE = ("location", "prefix", "endpoint_url")
# What a test has proven no longer holds once one of these is another.
_PROVEN = (*EVERY_FIELD, "secret")
_FIELDS = ("name", "description", "retention_days", *EVERY_FIELD)


def backend_create(*, actor: Actor, name: str, kind: str, secret: str = "", **fields: Any) -> StorageBackend:
    """Add a store; no team's bytes go there before a test has passed.

    `fields` are those of the record (location, prefix, endpoint_url, region, key_id, retention_days, description).
    Raises Forbidden, Invalid at the field, Conflict for a name or a place that is taken.
    """
    require_stores_manage(actor)
    if kind not in ADDABLE:
        raise Invalid.field("kind", f"One of {', '.join(ADDABLE)}.")
    backend = StorageBackend(kind=kind, created_by_label=actor.label[:200])
    _fill(backend, {"name": name, "secret": secret, **fields})
    with transaction.atomic():
        _place_free_require(backend)
        _save(backend, new=True)
        audit_record(actor=actor, action="store.create", thing=backend, after=_told(backend))
    return backend


def backend_update(
    *,
    actor: Actor,
    backend_id: uuid.UUID,
    row_version: int | None = None,
    secret: str | None = None,
    **fields: Any,
) -> StorageBackend:
    """Change what is given; other options or another secret have to be tested before new bytes go there again.

    Raises NotFound, Forbidden, Invalid at the field, and Conflict (code "stale") when somebody changed it after
    `row_version`, (code "in_use") for another place while bytes lie in this one.
    """
    require_stores_manage(actor)
    selectors.backend_get(actor, backend_id)
    with transaction.atomic():
        place_lock(backend_id, alone=True)
        backend = backend_lock(backend_id)
        if row_version is not None and row_version != backend.row_version:
            raise Conflict(
                "Somebody changed this after you opened it. Nothing was saved; compare both and save again.",
                code="stale",
                items=[{"row_version": backend.row_version, "given": row_version}],
            )
        before, proven = _told(backend), {one: getattr(backend, one) for one in _PROVEN}
        _fill(backend, {**fields, **({} if secret is None else {"secret": secret})})
        moved = next((one for one in _WHERE if getattr(backend, one) != proven[one]), None)
        if moved and backend.pk in place_use():
            raise Conflict(
                f"{before['name']} holds files, so its place cannot be changed. Add the new place as a storage "
                "backend of its own and move the teams' files there.",
                code="in_use",
                fields={moved: ["Fixed while files lie here."]},
            )
        if moved:
            _place_free_require(backend)
        backend.row_version += 1
        _save(backend, new=False)
        storage_forget(backend.pk)
        after = _told(backend) | ({"secret": "replaced"} if secret is not None else {})
        audit_record(actor=actor, action="store.update", thing=backend, before=before, after=after)
        if any(getattr(backend, one) != value for one, value in proven.items()):
            backend.tested_at, backend.failures, backend.fault = None, 0, ""
            if backend.state == State.HEALTHY:
                reason = "Its options or its secret were changed."
                backend_transition(actor=actor, backend=backend, to=State.UNTESTED, reason=reason)
            else:
                backend.save(update_fields=["tested_at", "failures", "fault"])
    return backend


def team_store_set(*, actor: Actor, team_id: uuid.UUID, backend_id: uuid.UUID) -> StorageBackend:
    """New bytes of the team go to this store from now on; what it has stays where it is and is found there.

    Raises NotFound, Forbidden, Conflict for a store that takes no bytes.
    """
    require_stores_manage(actor)
    selectors.backend_get(actor, backend_id)
    with transaction.atomic():
        return team_store_put(actor=actor, team_id=team_id, backend_id=backend_id)


def team_store_put(*, actor: Actor, team_id: uuid.UUID, backend_id: uuid.UUID) -> StorageBackend:
    """As `team_store_set`, within the transaction of a caller who asked the policy."""
    team = accounts.team_get(actor, team_id)
    place_lock(backend_id, alone=False)
    backend = StorageBackend.objects.get(pk=backend_id)
    takes_require(backend)
    before = selectors.team_backend(team.pk)
    if before.pk == backend.pk:
        return backend
    if backend.pk == OWN:
        TeamStore.objects.filter(team=team).delete()
    else:
        TeamStore.objects.update_or_create(team=team, defaults={"backend": backend})
    audit_record(
        actor=actor,
        action="store.team",
        thing=backend,
        before={"team": team.name, "store": before.name},
        after={"team": team.name, "store": backend.name},
    )
    return backend


def _save(backend: StorageBackend, *, new: bool) -> None:
    try:
        with transaction.atomic():
            backend.save(force_insert=new)
    except IntegrityError as error:
        raise Conflict(
            f"There is a storage backend called “{backend.name}” already.",
            code="name_taken",
            fields={"name": ["Taken already."]},
        ) from error


def _place_free_require(backend: StorageBackend) -> None:
    """Two records of one place would take each other's copies for their own. A test finds what other words hide."""
    rows = StorageBackend.objects.exclude(state=State.REMOVED).exclude(pk=backend.pk).filter(kind=backend.kind)
    same = ("location", "endpoint_url") if backend.kind != "AZURE" else ("location", "key_id")
    for other in rows.filter(**{name: getattr(backend, name) for name in same}):
        one, two = f"{other.prefix}/".lstrip("/"), f"{backend.prefix}/".lstrip("/")
        if one.startswith(two) or two.startswith(one):
            raise Conflict(
                f"This place is that of the storage backend “{other.name}”.",
                code="place_taken",
                fields={"location": ["Used already."]},
            )


def _fill(backend: StorageBackend, values: Mapping[str, Any]) -> None:
    """Put checked values into the row. Raises Invalid at the first field that is not right."""
    unknown = set(values) - {*_FIELDS, "secret"}
    if unknown:
        raise Invalid.field(sorted(unknown)[0], "A storage backend has no such field.")
    about = KINDS[backend.kind]
    for name, value in values.items():
        if name == "secret":
            backend.secret = secret_close(_secret(backend.kind, value))
        elif name in EVERY_FIELD and name not in about.fields:
            if value:
                raise Invalid.field(name, f"{about.title} has no such field.")
        else:
            setattr(backend, name, _CHECKS[name](backend, value))
    for name, field in about.fields.items():
        if field.required and not getattr(backend, name):
            raise Invalid.field(name, f"{about.title} needs this.")
    if about.key_required and not backend.secret:
        raise Invalid.field("secret", f"{about.title} needs this.")
    if backend.kind == "S3" and bool(backend.key_id) != bool(backend.secret):
        wrong = "secret" if backend.key_id else "key_id"
        raise Invalid.field(wrong, "An access key is an id and a secret; give both or none.")


def _secret(kind: str, value: Any) -> str:
    about = KINDS[kind]
    if not isinstance(value, str) or len(value) > SECRET_LIMIT or "\0" in value:
        raise Invalid.field("secret", f"At most {SECRET_LIMIT} characters.")
    text = value.strip()
    if text and not about.key_label:
        raise Invalid.field("secret", f"{about.title} takes no secret.")
    if kind == "GOOGLE" and text:
        try:
            account = json.loads(text)
        except ValueError as error:
            raise Invalid.field("secret", "The key is a JSON file; paste it whole.") from error
        if not isinstance(account, dict) or account.get("type") != "service_account":
            raise Invalid.field("secret", "This JSON is no key of a service account.")
    elif not text.isprintable():
        raise Invalid.field("secret", "Printable characters only.")
    return text


def _name(backend: StorageBackend, value: Any) -> str:
    if not isinstance(value, str) or not _NAME.match(value):
        raise Invalid.field(
            "name", "A name has 1 to 63 letters, digits, dots, dashes and underscores, none at its ends."
        )
    return value


def _description(backend: StorageBackend, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        raise Invalid.field("description", "At most 1000 characters.")
    return value


def _days(backend: StorageBackend, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= selectors.DAYS_MOST:
        raise Invalid.field("retention_days", f"A whole number from 1 to {selectors.DAYS_MOST}.")
    return value


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value or "")


def _location(backend: StorageBackend, value: Any) -> str:
    text = _text(value)
    if backend.kind != "FILE":
        if text and not _BUCKET.match(text):
            raise Invalid.field("location", "A name has 3 to 63 letters, digits, dots, dashes and underscores.")
        return text
    if not text:
        return ""
    path = Path(text)
    if not path.is_absolute() or len(text) > 500 or not text.isprintable() or ".." in path.parts:
        raise Invalid.field("location", "An absolute path, such as /mnt/models, without “..”.")
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as error:
        raise Invalid.field("location", "This path cannot be followed.") from error
    home = Path(settings.FAIRWAY_HOME).resolve()
    if path == Path("/") or path.is_relative_to(home) or home.is_relative_to(path):
        raise Invalid.field("location", "A folder outside the installation's own, and not one that holds it.")
    return str(path)


def _prefix(backend: StorageBackend, value: Any) -> str:
    text = _text(value).strip("/")
    if text and (len(text) > 200 or not _PREFIX.match(text) or {".", ".."} & set(text.split("/"))):
        raise Invalid.field("prefix", "Words of letters, digits, dots, dashes and underscores, with / between.")
    return text


def _endpoint(backend: StorageBackend, value: Any) -> str:
    text = _text(value).rstrip("/")
    if not text:
        return ""
    wrong = Invalid.field("endpoint_url", "An address begins with http:// or https:// and names a host, nothing else.")
    if len(text) > 500 or not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise wrong
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not port_is_number:
        raise wrong
    if parts.query or parts.fragment:
        raise wrong
    return text


def _region(backend: StorageBackend, value: Any) -> str:
    text = _text(value)
    if text and not _REGION.match(text):
        raise Invalid.field("region", "Small letters, digits and dashes, such as eu-central-1.")
    return text


def _key_id(backend: StorageBackend, value: Any) -> str:
    text = _text(value)
    if text and not _KEY_ID.match(text):
        raise Invalid.field("key_id", "Letters, digits and the signs . _ / + = -, at most 200.")
    return text


_CHECKS: dict[str, Any] = {
    "name": _name,
    "description": _description,
    "retention_days": _days,
    "location": _location,
    "prefix": _prefix,
    "endpoint_url": _endpoint,
    "region": _region,
    "key_id": _key_id,
}


def _told(backend: StorageBackend) -> dict[str, Any]:
    """What the audit says of a store: never its secret."""
    return {
        **{name: getattr(backend, name) for name in _FIELDS},
        "kind": backend.kind,
        "has_secret": bool(backend.secret),
    }
