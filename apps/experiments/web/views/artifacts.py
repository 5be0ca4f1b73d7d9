"""The files of a run: what lies in each folder, how a file looks from its beginning, its bytes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.blobs import blob_chunks, blob_open
from apps.core.errors import NotFound
from apps.core.files import file_response, frame_response, picture_response
from apps.core.web.views import page
from apps.experiments import selectors
from apps.experiments.models import Artifact, LoggedModel, Run
from apps.experiments.web.previews import IMAGE_BYTES, PAGE_BYTES, image_type, preview_of
from workers.inspection.mlmodel import MAX_BYTES as MLMODEL_BYTES
from workers.inspection.mlmodel import signature_read

COLUMNS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose files: the run's own, or those of a model that it logged."""

    run: Run
    model: LoggedModel | None

    @property
    def files(self) -> QuerySet[Artifact]:
        return (
            selectors.artifact_list(logged_model_id=self.model.pk)
            if self.model
            else selectors.artifact_list(run_id=self.run.pk)
        )

    def find(self, path: str) -> Artifact:
        if self.model:
            return selectors.artifact_find(path, logged_model_id=self.model.pk)
        return selectors.artifact_find(path, run_id=self.run.pk)

    def url(self, **asked: str) -> str:
        query = urlencode({**({"model": self.model.pk} if self.model else {}), **asked})
        return reverse("run-artifacts", args=[self.run.pk]) + (f"?{query}" if query else "")

    def address(self, name: str, path: str) -> str:
        """Of the file's bytes: "file", "picture" or "frame"."""
        if self.model:
            return reverse(f"run-model-{name}", args=[self.run.pk, self.model.pk, path])
        return reverse(f"run-{name}", args=[self.run.pk, path])


def _place(request: HttpRequest, pk: uuid.UUID, model_id: uuid.UUID | None) -> _Place:
    run = selectors.run_get(request.actor, pk)  # type: ignore[attr-defined]
    if model_id is None:
        return _Place(run, None)
    model = selectors.logged_model_get(request.actor, model_id)  # type: ignore[attr-defined]
    if model.source_run_id != pk:
        raise NotFound("The run has no such file.")
    return _Place(run, model)


@page
@require_safe
def run_artifacts(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A folder of the run's files beside the preview of one of them; the state is in the address."""
    try:
        model_id = uuid.UUID(request.GET["model"]) if request.GET.get("model") else None
    except ValueError as error:
        raise NotFound("The run has no such model.") from error
    place = _place(request, pk, model_id)
    path = request.GET.get("file", "")
    folder = (path.rpartition("/")[0] if path else request.GET.get("folder", "")).replace("\x00", "").strip("/")
    folders, files = selectors.folder_entries(place.files.filter(path__startswith=folder), folder)
    file = place.find(path) if path else None
    gone = place.run.purged_at is not None
    context: dict[str, Any] = {
        "nav_key": "experiments",
        "run": place.run,
        "experiment": place.run.experiment,
        "model": place.model,
        "crumbs": _crumbs(place, folder),
        "folder": folder,
        "up": place.url(folder=folder.rpartition("/")[0]) if "/" in folder else place.url(),
        "folders": [(one, place.url(folder=one.path)) for one in folders],
        "files": [(one, one.path.rpartition("/")[2], place.url(file=one.path)) for one in files],
        "file": file,
        "gone": gone,
        "signature": _signature(place) if place.model and not (path or folder or gone) else [],
    }
    if file is not None and not gone:
        preview = preview_of(file)
        context |= {
            "preview": preview,
            "download": place.address("file", path),
            "shown": place.address({"page": "frame", "image": "picture"}.get(preview.kind, "file"), path),
        }
    response = render(request, "experiments/run_artifacts.html", context)
    response["Content-Security-Policy"] = f"{settings.CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return response


def _signature(place: _Place) -> list[tuple[str, str, str]]:
    """(side, name, type) of what a logged model takes and gives, as its MLmodel states."""
    described = place.files.filter(path="MLmodel", size__lte=MLMODEL_BYTES).first()
    if described is None:
        return []
    signature = signature_read(b"".join(blob_chunks(described.sha256)))
    if signature is None:
        return []
    sides = (("input", signature.inputs), ("output", signature.outputs))
    return [(side, tensor.name, tensor.datatype) for side, tensors in sides for tensor in tensors[:COLUMNS_SHOWN]]


def _crumbs(place: _Place, folder: str) -> list[tuple[str, str]]:
    """(name, address) of each folder on the way."""
    parts = folder.split("/") if folder else []
    top = place.model.name if place.model else "Artifacts"
    steps = [("/".join(parts[: end + 1]), name) for end, name in enumerate(parts)]
    return [(top, place.url()), *((name, place.url(folder=path)) for path, name in steps)]


@page
@require_safe
def run_file(request: HttpRequest, pk: uuid.UUID, path: str, model_id: uuid.UUID | None = None) -> HttpResponseBase:
    """A file of the run or of a model that it logged, always as an attachment."""
    file = _place(request, pk, model_id).find(path)
    return file_response(sha256=file.sha256, size=file.size, name=file.path)


@page
@require_safe
def run_picture(request: HttpRequest, pk: uuid.UUID, path: str, model_id: uuid.UUID | None = None) -> HttpResponseBase:
    """A file whose bytes are a picture, for the preview. Raises NotFound for what is none."""
    file = _place(request, pk, model_id).find(path)
    with blob_open(file.sha256) as stored:
        media_type = image_type(stored.read(16))
    if media_type is None or file.size > IMAGE_BYTES:
        raise NotFound("The file is not a picture that is shown.")
    return picture_response(sha256=file.sha256, size=file.size, name=file.path, media_type=media_type)


@page
@require_safe
def run_frame(request: HttpRequest, pk: uuid.UUID, path: str, model_id: uuid.UUID | None = None) -> HttpResponseBase:
    """A page that the run wrote, without anything that runs, for the preview's frame."""
    file = _place(request, pk, model_id).find(path)
    if not path.lower().endswith((".html", ".htm")) or file.size > PAGE_BYTES:
        raise NotFound("The file is not a page that is shown.")
    return frame_response(sha256=file.sha256, size=file.size)
