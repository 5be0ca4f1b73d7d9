"""Taking code in: by its bytes, or by a git commit that a job fetches."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.selectors import team_list
from apps.audit.services import audit_record
from apps.code.contracts import MAX_BYTES, MIB
from apps.code.models import Bundle
from apps.code.policies import require_code_bring, require_code_store
from apps.code.reading.bundles import Reading, bundle_read
from apps.core.actors import Actor
from apps.core.blobs import blob_hold, blob_open, blob_write
from apps.core.errors import Conflict, Invalid, NotFound, TooLarge
from apps.jobs import services as jobs

if TYPE_CHECKING:
    from apps.jobs.models import Job

_FILENAME = re.compile(r"^[^/\\\x00-\x1f\x7f]{1,200}$")
_COMMIT = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?$")
OUTPUT = "code.zip"


def bundle_store(
    *, actor: Actor, team_id: uuid.UUID, filename: str, chunks: Iterable[bytes], name: str = ""
) -> tuple[Bundle, bool]:
    """(the bundle, whether it is new): the same bytes are the bundle that stands.

    All of it is judged before anything is stored. Raises NotFound, Forbidden, Invalid (file), TooLarge.
    """
    require_code_store(actor, team_id)
    if not team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    if not _FILENAME.match(filename):
        raise Invalid.field("filename", "A file name has 1 to 200 plain characters and no slash.")
    with tempfile.SpooledTemporaryFile(max_size=4 * MIB, prefix="fairway-code-") as file:
        size = _spool(file, chunks)
        reading = bundle_read(file, filename, size)  # type: ignore[arg-type]
        file.seek(0)
        ref = blob_write(iter(lambda: file.read(MIB), b""), limit=MAX_BYTES, team_id=team_id)
    with transaction.atomic():
        blob_hold(ref.sha256, team_id=team_id)
        held = Bundle.objects.filter(team_id=team_id, sha256=ref.sha256).first()
        if held is not None:
            return _again(actor, held), False
        bundle = Bundle(
            team_id=team_id,
            name=_plain(name.strip() or reading.name or "code")[:120],
            kind=reading.kind,
            filename=filename,
            sha256=ref.sha256,
            size=ref.size,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        _fill(bundle, reading)
        try:
            with transaction.atomic():
                bundle.save(force_insert=True)
        except IntegrityError:  # somebody sent the same bytes at this moment
            return Bundle.objects.get(team_id=team_id, sha256=ref.sha256), False
        audit_record(actor=actor, action="code.store", thing=bundle, after={"sha256": ref.sha256, "size": ref.size})
    return bundle, True


def _spool(file: Any, chunks: Iterable[bytes]) -> int:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BYTES:
            raise TooLarge(f"Code is at most {MAX_BYTES // MIB} MiB. Data belong into datasets.")
        file.write(chunk)
    if not size:
        raise Invalid.field("file", "The file is empty.")
    file.seek(0)
    return size


def _fill(bundle: Bundle, reading: Reading) -> None:
    bundle.files = [{"path": one.path, "size": one.size} for one in reading.files]
    bundle.root = reading.root
    bundle.entries = _plain([one.to_json() for one in reading.entries])
    bundle.notes = _plain(reading.notes[:100])
    bundle.requires_python = _plain(reading.requires_python)
    bundle.lock_path, bundle.lock_text = _plain(reading.lock_path), _plain(reading.lock_text)


def _plain(value: Any) -> Any:
    """The value without what the database has no text for: a source may spell NUL and halves of characters."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "�")
    if isinstance(value, Mapping):
        return {_plain(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _again(actor: Actor, bundle: Bundle) -> Bundle:
    """The bundle that stands; one that was put away comes back."""
    return bundle_archive(actor=actor, bundle_id=bundle.pk, archived=False) if bundle.archived_at else bundle


def repository_check(url: str) -> str:
    """The address of a repository, as it may be fetched. Raises Invalid.

    Only https, without name and password; what git would take for an option or another transport is none. Plain http
    to loopback serves where `CODE_LOCAL_GIT` is set.
    """
    text = url.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise Invalid.field("repository", f"This is no address: {error}.") from error
    if port == 0:
        raise Invalid.field("repository", "This is no address: port 0.")
    local = settings.CODE_LOCAL_GIT and parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    if parts.scheme != "https" and not local:
        raise Invalid.field("repository", "Give an https address, such as https://example.org/team/project.git.")
    if not parts.hostname or parts.username or parts.password or len(text) > 500 or re.search(r"[\s\x00-\x1f]", text):
        raise Invalid.field("repository", "Give the address without a name, a password or spaces.")
    return text


def bundle_fetch(*, actor: Actor, team_id: uuid.UUID, repository: str, commit: str, name: str = "") -> Bundle:
    """Have a job fetch one commit; the same commit again is the bundle that stands.

    Raises NotFound, Forbidden, Invalid (repository, commit).
    """
    require_code_store(actor, team_id)
    if not team_list(actor).filter(pk=team_id).exists():
        raise NotFound("There is no such team, or you may not see it.")
    url = repository_check(repository)
    commit = commit.strip().lower()
    if not _COMMIT.match(commit):
        raise Invalid.field("commit", "Give the whole commit, 40 hexadecimal digits: a branch would move.")
    with transaction.atomic():
        held = _same_commit(team_id, url, commit)
        if held is not None:
            return _again(actor, held)
        stem = urlsplit(url).path.rstrip("/").rpartition("/")[2].removesuffix(".git")
        bundle = Bundle(
            team_id=team_id,
            name=(name.strip() or stem or "code")[:120],
            kind=Bundle.Kind.GIT,
            state=Bundle.State.FETCHING,
            filename=OUTPUT,
            repository=url,
            commit=commit,
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        try:
            with transaction.atomic():
                bundle.save(force_insert=True)
        except IntegrityError:
            same = _same_commit(team_id, url, commit)
            if same is None:
                raise
            return same
        job = jobs.job_queue(
            actor=actor,
            team_id=team_id,
            kind="fetch",
            title=f"fetch {bundle.name}",
            spec={"repository": url, "commit": commit, "most_bytes": MAX_BYTES},
            files=[],
            subject=bundle,
            limits={"wall_seconds": 900, "file_bytes": 1024 * MIB},
        )
        bundle.job_id = job.pk
        bundle.save(update_fields=["job_id"])
        audit_record(actor=actor, action="code.fetch", thing=bundle, after={"repository": url, "commit": commit})
    return bundle


def _same_commit(team_id: uuid.UUID, url: str, commit: str) -> Bundle | None:
    rows = Bundle.objects.filter(team_id=team_id, repository=url, commit=commit, kind=Bundle.Kind.GIT)
    found: Bundle | None = rows.exclude(state=Bundle.State.FAILED).first()
    return found


def fetch_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Called in the transaction that ends a fetch: judge the archive that the child made, and keep it.

    Raises Conflict and Invalid, which end the job as failed.
    """
    bundle = Bundle.objects.select_for_update(of=("self",)).get(job_id=job.pk)
    ref = outputs.get(OUTPUT)
    if ref is None:
        raise Conflict("The job ended without an archive.", code="no_archive")
    if ref["size"] > MAX_BYTES:
        raise TooLarge(f"The commit is larger than {MAX_BYTES // MIB} MiB. Data belong into datasets.")
    with blob_open(ref["sha256"]) as stored, tempfile.TemporaryFile(prefix="fairway-code-") as file:
        while chunk := stored.read(MIB):
            file.write(chunk)
        file.seek(0)
        reading = bundle_read(file, OUTPUT, ref["size"])
    blob_hold(ref["sha256"])
    same = Bundle.objects.filter(team_id=bundle.team_id, sha256=ref["sha256"]).first()
    if same is not None:
        raise Conflict(f"The same files are stored already as “{same}”.", code="same_bytes")
    _fill(bundle, reading)
    bundle.sha256, bundle.size, bundle.state = ref["sha256"], ref["size"], Bundle.State.READY
    bundle.row_version += 1
    bundle.save()
    audit_record(actor=Actor.system("the worker"), action="code.fetched", thing=bundle, after={"sha256": bundle.sha256})
    return {"label": f"{bundle} is stored.", "url": reverse("code-detail", args=[bundle.pk])}


def fetch_fail(job: Job, cause: str) -> None:
    """The commit could not be fetched."""
    bundle = Bundle.objects.select_for_update(of=("self",)).filter(job_id=job.pk).first()
    if bundle is not None and bundle.state == Bundle.State.FETCHING:
        bundle.state, bundle.cause = Bundle.State.FAILED, cause[:2000]
        bundle.row_version += 1
        bundle.save(update_fields=["state", "cause", "row_version"])


def fetch_retry(actor: Actor, old: Job, new: Job) -> None:
    """A retried fetch fills the same bundle, unless another one of that commit stands meanwhile. Raises Conflict."""
    bundle = Bundle.objects.select_for_update(of=("self",)).filter(job_id=old.pk).first()
    if bundle is None or _same_commit(bundle.team_id, bundle.repository, bundle.commit) is not None:
        raise Conflict("Another job has fetched this commit, or does.", code="fetched")
    bundle.job_id, bundle.state, bundle.cause = new.pk, Bundle.State.FETCHING, ""
    bundle.save(update_fields=["job_id", "state", "cause"])


def bundle_archive(*, actor: Actor, bundle_id: uuid.UUID, archived: bool = True) -> Bundle:
    """Put a bundle away, or bring it back: it leaves the lists, what ran it keeps it. Raises NotFound, Forbidden."""
    with transaction.atomic():
        bundle: Bundle | None = (
            Bundle.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=bundle_id).first()
        )
        if bundle is None:
            raise NotFound("There is no such code, or you may not see it.")
        require_code_bring(actor, bundle.team_id)
        if (bundle.archived_at is not None) != archived:
            bundle.archived_at = timezone.now() if archived else None
            bundle.row_version += 1
            bundle.save(update_fields=["archived_at", "row_version"])
            audit_record(actor=actor, action="code.archive" if archived else "code.restore", thing=bundle)
    return bundle
