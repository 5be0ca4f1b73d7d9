"""Idempotency-Key on creates and launches: the same key and body give the same answer, once (invariant I24)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Conflict, Invalid
from apps.core.models import IdempotencyKey

Handler = Callable[..., Response]


def idempotent(handler: Handler) -> Handler:
    """Wrap a POST handler of an APIView.

    Without the header nothing changes. With it the handler runs inside one transaction with the record of its
    answer, so that a retry finds either all of it or nothing. The same key with another body is a 409.
    """

    @wraps(handler)
    def wrapper(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return handler(view, request, *args, **kwargs)
        if len(key) > 200:
            raise Invalid.field("Idempotency-Key", "At most 200 characters.")
        actor = request.actor  # type: ignore[attr-defined]
        digest = hashlib.sha256(
            json.dumps(request.data, sort_keys=True, cls=DjangoJSONEncoder, default=str).encode()
        ).hexdigest()
        with transaction.atomic():
            try:
                with transaction.atomic():
                    record = IdempotencyKey.objects.create(
                        actor_id=actor.id,
                        key=key,
                        method=request.method or "",
                        path=request.path,
                        body_sha256=digest,
                    )
            except IntegrityError:
                # Another request holds or held the key; waiting for its row lock waits for its transaction.
                record = IdempotencyKey.objects.select_for_update().get(actor_id=actor.id, key=key)
                if (record.path, record.body_sha256) != (request.path, digest):
                    raise Conflict(
                        "This idempotency key was used for another request.", code="idempotency_key_reused"
                    ) from None
                return Response(record.body, status=record.status, headers={"Idempotent-Replay": "true"})
            response = handler(view, request, *args, **kwargs)
            record.status = response.status_code
            record.body = json.loads(json.dumps(response.data, cls=DjangoJSONEncoder, default=str))
            record.save(update_fields=["status", "body"])
            return response

    return wrapper
