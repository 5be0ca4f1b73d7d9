"""Which kind of source an address names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from apps.mlflow_api.importing.database import DatabaseSource
from apps.mlflow_api.importing.folder import FolderSource
from apps.mlflow_api.importing.records import Leave, Source, SourceFailed
from apps.mlflow_api.importing.rest import RestSource

_OTHERS = (
    "An import reads http(s)://…, sqlite:///… and folders. For another database start MLflow's server on it and give "
    "its address."
)


def source_open(uri: str, leave: Leave, *, token: str = "", artifacts: Sequence[Path] = ()) -> Source:
    """The source at an address. Raises SourceFailed for what is none, and for kinds that are not read."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return RestSource(uri, leave, token=token)
    if parts.scheme == "sqlite":
        # As SQLAlchemy reads it: three slashes before a relative path, four before an absolute one.
        return DatabaseSource(Path(unquote(parts.path.removeprefix("/"))), leave, artifacts=artifacts)
    if parts.scheme in ("", "file"):
        return FolderSource(Path(unquote(parts.path)), leave, artifacts=artifacts)
    raise SourceFailed(_OTHERS)
