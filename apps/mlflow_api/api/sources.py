"""Addresses of files that a client names. Only Fairway's own are taken: it never opens a path or an address of others.

What stands behind an address is looked up among objects that the actor sees, by id; nothing of it is ever joined to a
folder, and every address is read once, as it is: what is still encoded in it is refused.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from apps.core.errors import Invalid

_LIMIT = 500
# A plain relative path: no escape, no query, no fragment, no parameter, no backslash, no control character.
_PLAIN = re.compile(r"^[^\\%?#;\x00-\x1f\x7f]*$")
_HEX = r"[0-9a-f]{32}"
_RUN_FILES = re.compile(rf"^mlflow-artifacts:/(\d{{1,18}})/({_HEX})/artifacts(?:/(.*))?$")
_MODEL_FILES = re.compile(rf"^mlflow-artifacts:/(\d{{1,18}})/models/m-({_HEX})/artifacts/?$")
_VERSION_FILES = re.compile(rf"^mlflow-artifacts:/models/({_HEX})/artifacts/?$")
_RUN = re.compile(rf"^runs:/({_HEX})/(.+)$")
_MODEL = re.compile(rf"^models:/m-({_HEX})$")
# The name of a model is looked up as it stands, so that it may hold what no path may: "100% wool" is a name.
_VERSION = re.compile(r"^models:/([^/:\x00-\x1f\x7f]{1,256})/(\d{1,9})$")
_ALIAS = re.compile(r"^models:/([^/:\x00-\x1f\x7f]{1,256})@([\w\-]{1,255})$")

REFUSED = (
    "Invalid model version source: '{source}'. Fairway registers what it stores itself: give mlflow-artifacts:/…, "
    "runs:/<run>/<path>, models:/m-<model> or models:/<name>/<version>. To register files from elsewhere, log them to "
    "a run first."
)


@dataclass(frozen=True, slots=True)
class Source:
    """What an address names: one of a run's folder, a logged model, a version by id, or a version by name."""

    run_id: uuid.UUID | None = None
    path: str = ""
    logged_model_id: uuid.UUID | None = None
    version_id: uuid.UUID | None = None
    name: str = ""
    number: int | None = None
    alias: str = ""


def _plain_parts(path: str) -> bool:
    return all(part not in ("", ".", "..") for part in path.split("/"))


def source_of(text: str) -> Source:
    """Read the source of a model version. Raises Invalid for everything that is not an address of Fairway's own."""
    refused = Invalid.field("source", REFUSED.format(source=text[:200]))
    if len(text) > _LIMIT:
        raise refused
    if found := _VERSION.fullmatch(text):
        return Source(name=found[1], number=int(found[2]))
    if found := _ALIAS.fullmatch(text):
        return Source(name=found[1], alias=found[2])
    if not _PLAIN.match(text):
        raise refused
    if found := _RUN.match(text) or _RUN_FILES.match(text):
        run, path = (found[1], found[2]) if text.startswith("runs:") else (found[2], found[3] or "")
        path = path.removesuffix("/")
        if not path or not _plain_parts(path):
            raise refused
        return Source(run_id=uuid.UUID(hex=run), path=path)
    if found := _MODEL.match(text):
        return Source(logged_model_id=uuid.UUID(hex=found[1]))
    if found := _MODEL_FILES.match(text):
        return Source(logged_model_id=uuid.UUID(hex=found[2]))
    if found := _VERSION_FILES.match(text):
        return Source(version_id=uuid.UUID(hex=found[1]))
    raise refused


def artifact_location_check(text: str) -> None:
    """Refuse an artifact location of one's own: the files of experiments are where the installation keeps them."""
    if text and not re.fullmatch(r"mlflow-artifacts:/*", text):
        raise Invalid.field(
            "artifact_location",
            "Invalid artifact location. Fairway keeps the files of every experiment in the storage of the "
            "installation: leave 'artifact_location' out.",
        )
