"""JSON views of lineage."""

from __future__ import annotations

import re
import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.lineage.api.serializers import LineageSerializer
from apps.lineage.selectors import lineage_of

_TYPE = re.compile(r"^[a-z_]{1,30}\.[a-z_]{1,29}$")


class LineageView(ApiView):
    @extend_schema(operation_id="lineage_get", responses=LineageSerializer)
    def get(self, request: Request, thing_type: str, pk: uuid.UUID) -> Response:
        """What a thing came from and what came of it, in the teams you see; each edge once, nearest first."""
        if not _TYPE.match(thing_type):
            raise NotFound("There is no such kind of thing.")
        return Response(LineageSerializer(lineage_of(self.actor, thing_type, pk)).data)
