"""mlflow-artifacts/* and artifacts/list: files through the control plane, streamed, never interpreted."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.blobs import CHUNK
from apps.core.errors import Invalid, NotFound
from apps.core.files import file_response
from apps.experiments import selectors, services
from apps.mlflow_api.door import answer, model_id_of, run_id_of, text_of
from apps.mlflow_api.shapes import artifact_root, file_shapes, model_root


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxied path points: a run or a logged model, and the path below it ("" for its root)."""

    run_id: uuid.UUID | None
    logged_model_id: uuid.UUID | None
    path: str


def place_of(actor: Actor, path: str) -> Place:
    """Resolve `<experiment>/<run>/artifacts/<path>` or `<experiment>/models/<model>/artifacts/<path>`.

    Names are looked up, never joined to a folder, so a path cannot leave its run. Raises Invalid, NotFound.
    """
    parts = path.strip("/").split("/")
    if len(parts) >= 4 and parts[1] == "models" and parts[3] == "artifacts":
        model = selectors.logged_model_get(actor, model_id_of(parts[2]))
        if str(model.experiment.number) != parts[0]:
            raise NotFound("There is no such file.")
        return Place(None, model.pk, "/".join(parts[4:]))
    if len(parts) >= 3 and parts[2] == "artifacts":
        run = selectors.run_get(actor, run_id_of(parts[1]))
        if str(run.experiment.number) != parts[0]:
            raise NotFound("There is no such file.")
        return Place(run.pk, None, "/".join(parts[3:]))
    raise Invalid.field("path", "A path names an experiment, a run and a file.")


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK):
        yield chunk


def upload(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    place = place_of(actor, path)
    services.artifact_store(
        actor=actor,
        path=place.path,
        chunks=_chunks(request),
        run_id=place.run_id,
        logged_model_id=place.logged_model_id,
    )
    return answer({})


def download(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    place = place_of(actor, path)
    artifact = selectors.artifact_find(place.path, run_id=place.run_id, logged_model_id=place.logged_model_id)
    return file_response(sha256=artifact.sha256, size=artifact.size, name=artifact.path)


def proxied_list(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Entries relative to the asked folder, as MLflow's proxy answers."""
    place = place_of(actor, text_of(request.GET, "path"))
    files = list(selectors.artifact_list(run_id=place.run_id, logged_model_id=place.logged_model_id))
    shapes = file_shapes(files, place.path)
    for shape in shapes:
        shape["path"] = shape["path"].rsplit("/", 1)[-1]
    return answer({"files": shapes})


def model_files(actor: Actor, request: HttpRequest, model_id: str) -> HttpResponseBase:
    """The files of a logged model."""
    model = selectors.logged_model_get(actor, model_id_of(model_id))
    files = list(selectors.artifact_list(logged_model_id=model.pk))
    folder = text_of(request.GET, "artifact_directory_path", required=False).strip("/")
    return answer({"root_uri": model_root(model), "files": file_shapes(files, folder)})


def run_files(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """artifacts/list of a run."""
    run = selectors.run_get(actor, run_id_of(text_of(request.GET, "run_id")))
    files = list(selectors.artifact_list(run_id=run.pk))
    folder = text_of(request.GET, "path", required=False).strip("/")
    return answer({"root_uri": artifact_root(run), "files": file_shapes(files, folder)})
