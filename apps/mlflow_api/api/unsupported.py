"""Ways around the proxy that Fairway's store does not have: every file goes through it, hashed, in one piece.

The words are MLflow's: its clients know them and send or fetch the file in one piece. What a call names is looked up
first, so that it tells a stranger nothing.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.experiments import selectors
from apps.mlflow_api.api.artifacts import place_of
from apps.mlflow_api.door import body_of, model_id_of, run_id_in, text_of
from apps.mlflow_api.errors import NotImplementedHere

_WORDS = "{} is not supported for the current artifact repository"


def multipart_upload(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    place_of(actor, path)
    raise NotImplementedHere(_WORDS.format("Multipart upload"))


def multipart_download(actor: Actor, request: HttpRequest, path: str) -> HttpResponseBase:
    place_of(actor, path)
    raise NotImplementedHere(_WORDS.format("Multipart download"))


def _owner_find(actor: Actor, request: HttpRequest) -> None:
    body = body_of(request)
    text_of(body, "path")
    if body.get("model_id"):
        selectors.logged_model_get(actor, model_id_of(text_of(body, "model_id")))
    else:
        selectors.run_get(actor, run_id_in(body))


def presigned_upload(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    _owner_find(actor, request)
    raise NotImplementedHere(_WORDS.format("Presigned upload"))


def presigned_download(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    _owner_find(actor, request)
    raise NotImplementedHere(_WORDS.format("Presigned download"))
