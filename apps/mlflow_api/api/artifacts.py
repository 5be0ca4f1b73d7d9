"""mlflow-artifacts/* and artifacts/list: files through the control plane, streamed, never interpreted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.blobs import CHUNK
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.files import file_response
from apps.experiments import selectors, services
from apps.mlflow_api.door import Source, answer, args_of, model_id_of, run_id_in, run_id_of, text_of
from apps.mlflow_api.shapes import StoredFile, artifact_root, file_shapes, model_root
from apps.registry import selectors as registry
from apps.traces import selectors as traces
from apps.traces import services as trace_services

if TYPE_CHECKING:
    from apps.traces.models import Trace

# What `upload_small` takes, in bytes.
SMALL = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A file of a registered version, from its manifest."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxied path points: a run, a logged model, a trace or a version, and the path below it ("" for its
    root)."""

    path: str
    run_id: uuid.UUID | None = None
    trace: Trace | None = None
    logged_model_id: uuid.UUID | None = None
    version_id: uuid.UUID | None = None
    manifest: tuple[VersionFile, ...] = ()

    def require_writable(self) -> None:
        """Raise Conflict for the files of a version: they never change."""
        if self.version_id is not None:
            raise Conflict(
                "The files of a registered version never change. Register another version.", code="version_sealed"
            )

    def files(self) -> list[StoredFile]:
        """Everything below the place's root, by path."""
        if self.version_id is not None:
            return sorted(self.manifest, key=lambda file: file.path)
        if self.trace is not None:
            return list(traces.trace_files(self.trace))
        return list(selectors.artifact_list(run_id=self.run_id, logged_model_id=self.logged_model_id))

    def file(self) -> StoredFile:
        """The file at the path. Raises NotFound."""
        if self.trace is not None:
            return traces.trace_file_find(self.trace, self.path)
        if self.version_id is None:
            return selectors.artifact_find(self.path, run_id=self.run_id, logged_model_id=self.logged_model_id)
        found = next((file for file in self.manifest if file.path == self.path), None)
        if found is None:
            raise NotFound("There is no such file.")
        return found


def place_of(actor: Actor, path: str) -> Place:
    """Resolve `<experiment>/<run>/artifacts/<path>`, `<experiment>/models/<model>/artifacts/<path>`,
    `<experiment>/traces/<trace>/artifacts/<path>` or `models/<version>/artifacts/<path>`.

    Names are looked up, never joined to a folder, so a path cannot leave its run. Raises Invalid, NotFound.
    """
    parts = path.strip("/").split("/")
    if len(parts) >= 4 and parts[1] == "models" and parts[3] == "artifacts":
        model = selectors.logged_model_get(actor, model_id_of(parts[2]))
        if str(model.experiment.number) != parts[0]:
            raise NotFound("There is no such file.")
        return Place("/".join(parts[4:]), logged_model_id=model.pk)
    if len(parts) >= 4 and parts[1] == "traces" and parts[3] == "artifacts":
        trace = traces.trace_get(actor, parts[2])
        if str(trace.experiment.number) != parts[0]:
            raise NotFound("There is no such file.")
        return Place("/".join(parts[4:]), trace=trace)
    if len(parts) >= 3 and parts[0] == "models" and parts[2] == "artifacts":
        version = registry.model_version_get(actor, model_id_of(parts[1]))
        manifest = tuple(VersionFile(row["path"], row["sha256"], row["size"]) for row in version.manifest)
        return Place("/".join(parts[3:]), version_id=version.pk, manifest=manifest)
    if len(parts) >= 3 and parts[2] == "artifacts":
        run = selectors.run_get(actor, run_id_of(parts[1]))
        if str(run.experiment.number) != parts[0]:
            raise NotFound("There is no such file.")
        return Place("/".join(parts[3:]), run_id=run.pk)
    raise Invalid.field("path", "A path names an experiment, a run and a file.")


def folder_of(source: Source, name: str) -> str:
    """A folder below a root, "" for the root itself. Raises Invalid for what is not a plain relative path."""
    path = text_of(source, name, required=False)
    folder = path.removesuffix("/")
    parts = folder.split("/") if folder else []
    if any(part in ("", ".", "..") for part in parts) or "\\" in path or any(ord(sign) < 32 for sign in path):
        raise Invalid.field(name, "Invalid path")
    return folder


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk


def upload(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    place = place_of(actor, path)
    place.require_writable()
    if place.trace is not None:
        trace_services.trace_file_store(actor=actor, trace_id=place.trace.pk, path=place.path, chunks=_chunks(request))
        return answer({})
    services.artifact_store(
        actor=actor,
        path=place.path,
        chunks=_chunks(request),
        run_id=place.run_id,
        logged_model_id=place.logged_model_id,
    )
    return answer({})


def upload_small(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """upload-artifact: one small file of a run."""
    run_id, path = run_id_in(request.GET), text_of(request.GET, "path")
    if int(request.headers.get("Content-Length") or 0) > SMALL:
        raise Invalid("Artifact size is too large. Max size is 10MB.")
    data = request.read(SMALL + 1)
    if not data or len(data) > SMALL:
        raise Invalid("Artifact size is too large. Max size is 10MB." if data else "Request must specify data.")
    services.artifact_store(actor=actor, path=path, chunks=[data], run_id=run_id)
    return answer({})


def download(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    file = place_of(actor, path).file()
    return file_response(sha256=file.sha256, size=file.size, name=file.path)


def remove(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    """A file, or all files below a folder."""
    place = place_of(actor, path)
    place.require_writable()
    if place.trace is not None:
        raise Conflict("The files of a trace go with it. Delete the trace.", code="trace_file")
    services.artifact_delete(actor=actor, path=place.path, run_id=place.run_id, logged_model_id=place.logged_model_id)
    return answer({})


def proxied_list(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Entries relative to the asked folder, as MLflow's proxy answers."""
    place = place_of(actor, text_of(request.GET, "path"))
    shapes = file_shapes(place.files(), place.path)
    for shape in shapes:
        shape["path"] = shape["path"].rsplit("/", 1)[-1]
    return answer({"files": shapes} if shapes else {})


def _listing(root: str, files: Iterable[StoredFile], folder: str) -> HttpResponseBase:
    shapes = file_shapes(files, folder)
    shape: dict[str, Any] = {"root_uri": root}
    return answer({**shape, "files": shapes} if shapes else shape)


def model_files(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    """The files of a logged model."""
    model = selectors.logged_model_get(actor, model_id_of(model_id))
    folder = folder_of(request.GET, "artifact_directory_path")
    return _listing(model_root(model), selectors.artifact_list(logged_model_id=model.pk), folder)


def model_file(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    """One file of a logged model."""
    model = selectors.logged_model_get(actor, model_id_of(model_id))
    path = text_of(request.GET, "artifact_file_path")
    file = selectors.artifact_find(path, logged_model_id=model.pk)
    return file_response(sha256=file.sha256, size=file.size, name=file.path)


def run_files(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """artifacts/list of a run."""
    source = args_of(request)
    run_id, folder = run_id_in(source), folder_of(source, "path")
    run = selectors.run_get(actor, run_id)
    return _listing(artifact_root(run), selectors.artifact_list(run_id=run.pk), folder)


def run_file(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """get-artifact of a run."""
    run_id, path = run_id_in(request.GET), text_of(request.GET, "path")
    run = selectors.run_get(actor, run_id)
    file = selectors.artifact_find(path, run_id=run.pk)
    return file_response(sha256=file.sha256, size=file.size, name=file.path)
