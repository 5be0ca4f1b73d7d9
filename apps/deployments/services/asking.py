"""Asking a deployment from its page: through the gateway's own door, as every caller does."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from django.conf import settings

from apps.core.actors import Actor
from apps.core.errors import Unavailable
from apps.core.policies import require, who_can
from apps.deployments import policies, selectors
from apps.deployments.services.routes import try_token

TIMEOUT = 10
# Straight to the gateway: the key must not travel through a proxy that the environment names.
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said."""

    status: int
    body: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def errors(self) -> dict[str, str]:
        """{input's name ("" when no single one is to blame): sentence}."""
        if self.ok:
            return {}
        field = str(self.body.get("field") or "")
        detail = str(self.body.get("detail") or "The gateway refused the row.")
        return {"" if field == "body" else field: detail}


def prediction_ask(*, actor: Actor, deployment_id: uuid.UUID, record: dict[str, Any]) -> Answer:
    """Send one row. Logged like every other. Raises NotFound, Forbidden, Unavailable."""
    deployment = selectors.deployment_get(actor, deployment_id)
    require(
        policies.predict(actor, deployment),
        f"Asking the model takes the right “predict” in the team: {who_can('predict')} has it.",
    )
    request = Request(  # noqa: S310 - our own gateway's address
        f"{settings.GATEWAY_INTERNAL_URL}/{deployment.name}/invocations",
        data=json.dumps({"dataframe_records": [record]}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {try_token(deployment.pk)}"},
        method="POST",
    )
    try:
        with _opener.open(request, timeout=TIMEOUT) as response:
            return Answer(response.status, json.loads(response.read()))
    except HTTPError as error:
        try:
            body = json.loads(error.read())
        except ValueError:
            body = {}
        return Answer(error.code, body if isinstance(body, dict) else {})
    except (URLError, TimeoutError, ValueError, OSError) as error:
        raise Unavailable("The inference gateway does not answer. Nothing was asked.") from error
