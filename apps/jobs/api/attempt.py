"""The attempt's own API: what the child of a job reads and reports, with its run token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.actors import Actor
from apps.core.api.views import ApiView
from apps.core.blobs import CHUNK
from apps.core.errors import Invalid, TooLarge
from apps.jobs import policies, services


class IsAttempt(BasePermission):
    """Run tokens only."""

    message = "Only the child of a running job speaks here."

    def has_permission(self, request: Request, view: APIView) -> bool:
        actor: Actor | None = getattr(request, "actor", None)
        return actor is not None and policies.is_attempt(actor)


class AttemptApi(ApiView):
    """Base of the attempt's views."""

    permission_classes = [IsAttempt]
    schema = None

    def body_size(self, limit: int) -> int:
        """The announced length of the body. Raises Invalid without one, TooLarge past `limit`."""
        raw = self.request.headers.get("Content-Length", "")
        if not raw.isdigit():
            raise Invalid("The request must announce its Content-Length.")
        if int(raw) > limit:
            raise TooLarge(f"The body is larger than the limit of {limit} bytes.")
        return int(raw)

    def body_chunks(self) -> Iterator[bytes]:
        """The raw body in pieces of 1 MiB, as it comes in."""
        while chunk := self.request._request.read(CHUNK):
            yield chunk


class AttemptView(AttemptApi):
    """GET: what to do."""

    def get(self, request: Request) -> Response:
        job, attempt = services.attempt_of(self.actor)
        return Response(
            {
                "job_id": str(job.pk),
                "attempt": attempt.number,
                "kind": job.kind,
                "run_id": job.run_id.hex if job.run_id else None,
                "spec": job.spec,
                "files": job.files,
                "checkpoint": attempt.resumed_from,
            }
        )


class AttemptFileView(AttemptApi):
    """GET: the bytes of a file that the spec names."""

    def get(self, request: Request, sha256: str) -> StreamingHttpResponse:
        ref, _, chunks = services.file_open(actor=self.actor, sha256=sha256)
        response = StreamingHttpResponse(chunks, content_type="application/octet-stream")
        response["Content-Length"] = str(ref.size)
        response["ETag"] = f'"{ref.sha256}"'
        return response


class ProgressInput(serializers.Serializer[Any]):
    fraction = serializers.FloatField(min_value=0, max_value=1, allow_null=True, required=False, default=None)
    text = serializers.CharField(max_length=200, allow_blank=True, required=False, default="")
    step = serializers.IntegerField(min_value=0, max_value=10**15, allow_null=True, required=False, default=None)
    total = serializers.IntegerField(min_value=1, max_value=10**15, allow_null=True, required=False, default=None)
    seconds_left = serializers.FloatField(
        min_value=0, max_value=10 * 366 * 86400, allow_null=True, required=False, default=None
    )


class AttemptProgressView(AttemptApi):
    """POST: how far it is, by share, steps or both; the answer says whether to stop."""

    def post(self, request: Request) -> Response:
        data = self.input(ProgressInput)
        cancel = services.progress_report(actor=self.actor, progress=services.Progress(**data))
        return Response({"cancel": cancel})


class AttemptOutputView(AttemptApi):
    """PUT: a file, streamed."""

    def put(self, request: Request, name: str) -> Response:
        job, _ = services.attempt_of(self.actor)
        size = self.body_size(services.limits_of(job).file_bytes)
        ref = services.output_store(actor=self.actor, name=name, chunks=self.body_chunks(), size=size)
        return Response({"sha256": ref.sha256, "size": ref.size})


class CheckpointFile(serializers.Serializer[Any]):
    path = serializers.CharField(max_length=400, trim_whitespace=False)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")


class CheckpointInput(serializers.Serializer[Any]):
    files = CheckpointFile(many=True)


class AttemptCheckpointView(AttemptApi):
    """GET: what is kept so far. POST: these files, sent as outputs before, are what the job can go on from."""

    def get(self, request: Request) -> Response:
        kept = services.attempt_of(self.actor)[1].checkpoint
        return Response(self._told(kept) if kept else {"number": 0, "files": 0, "bytes": 0})

    def post(self, request: Request) -> Response:
        kept = services.checkpoint_keep(actor=self.actor, files=self.input(CheckpointInput)["files"])
        return Response(self._told(kept))

    @staticmethod
    def _told(kept: dict[str, Any]) -> dict[str, int]:
        return {"number": kept["number"], "files": len(kept["files"]), "bytes": kept["bytes"]}


def _not_finite(name: str) -> NoReturn:
    raise Invalid(f"JSON has no {name}; leave the value out or send null.")


class AttemptResultsView(AttemptApi):
    """POST: the result as JSON, at most 32 MiB."""

    def post(self, request: Request) -> HttpResponse:
        services.attempt_of(self.actor)
        size = self.body_size(services.RESULT_LIMIT)
        raw = b"".join(self.body_chunks())
        if len(raw) != size:
            raise Invalid(f"The body broke off after {len(raw)} of {size} bytes.")
        if b"\\u0000" in raw:
            raise Invalid("A text in the result holds a NUL character, which is not stored.")
        try:
            body = json.loads(raw, parse_constant=_not_finite)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"The body is not JSON: {error}") from error
        if not isinstance(body, dict) or not isinstance(body.get("payload"), dict):
            raise Invalid.field("payload", "The body is an object with the object `payload`.")
        services.results_store(actor=self.actor, payload=body["payload"])
        return HttpResponse(status=204)
