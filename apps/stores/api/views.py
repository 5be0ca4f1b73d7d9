"""JSON views of storage backends, for who manages them."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.stores import policies, selectors, services
from apps.stores.api.serializers import (
    StoreDetail,
    StoreGrowth,
    StoreInput,
    StoreMoveInput,
    StoreMoveRow,
    StorePatch,
    StoreReason,
    StoreRetention,
    StoreRow,
    StoreTeamInput,
    StoreTestRow,
)
from apps.stores.models import StorageBackend

_PAGE = [
    OpenApiParameter("cursor", OpenApiTypes.STR, description="From `next` or `previous` of the last answer."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200."),
]


class _View(ApiView):
    def backend(self, pk: uuid.UUID) -> StorageBackend:
        policies.require_stores_manage(self.actor)
        return selectors.backend_get(self.actor, pk)


class StoresView(_View):
    @extend_schema(operation_id="storage_backend_list", parameters=_PAGE, responses=StoreRow(many=True))
    def get(self, request: Request) -> Response:
        """Storage backends, for who manages them."""
        policies.require_stores_manage(self.actor)
        selectors.backend_own()
        return self.page(selectors.backend_list(self.actor), StoreRow)

    @extend_schema(operation_id="storage_backend_create", request=StoreInput, responses={201: StoreDetail})
    @idempotent
    def post(self, request: Request) -> Response:
        """Add a storage backend; files go there once a test has passed and a team uses it."""
        backend = services.backend_create(actor=self.actor, **self.input(StoreInput))
        return Response(StoreDetail(backend).data, status=201)


class StoreView(_View):
    @extend_schema(operation_id="storage_backend_get", responses=StoreDetail)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """A storage backend."""
        return Response(StoreDetail(self.backend(pk)).data)

    @extend_schema(operation_id="storage_backend_update", request=StorePatch, responses=StoreDetail)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what is given; other options or another secret have to be tested again."""
        backend = services.backend_update(actor=self.actor, backend_id=pk, **self.input(StorePatch))
        return Response(StoreDetail(backend).data)

    @extend_schema(operation_id="storage_backend_remove", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a read-only backend that holds nothing; a refusal lists what needs it, with bytes."""
        services.backend_remove(actor=self.actor, backend_id=pk)
        return Response(status=204)


class StoreTestView(_View):
    @extend_schema(operation_id="storage_backend_test", request=None, responses={202: StoreTestRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Begin a test: a small file is written, read, listed and deleted, step by step."""
        return Response(StoreTestRow(services.backend_test(actor=self.actor, backend_id=pk)).data, status=202)


class StoreCloseView(_View):
    @extend_schema(operation_id="storage_backend_close", request=StoreReason, responses=StoreDetail)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take no new files; those that lie there are read on."""
        reason = self.input(StoreReason)["reason"]
        return Response(StoreDetail(services.backend_close(actor=self.actor, backend_id=pk, reason=reason)).data)


class StoreReopenView(_View):
    @extend_schema(operation_id="storage_backend_reopen", request=None, responses=StoreDetail)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Take new files again."""
        return Response(StoreDetail(services.backend_reopen(actor=self.actor, backend_id=pk)).data)


class StoreTeamsView(_View):
    @extend_schema(operation_id="storage_backend_team_add", request=StoreTeamInput, responses=StoreDetail)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """New files of the team go here from now on; those it has stay where they are."""
        team_id = self.input(StoreTeamInput)["team_id"]
        return Response(StoreDetail(services.team_store_set(actor=self.actor, team_id=team_id, backend_id=pk)).data)


class StoreUseView(_View):
    @extend_schema(operation_id="storage_backend_use", responses=StoreGrowth)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What it holds, for which team, and how much more than 30 days ago."""
        backend = self.backend(pk)
        growth = selectors.growth_of([backend])[pk]
        told = {
            "now": asdict(growth.now),
            "then": asdict(growth.then) if growth.then else None,
            "grown": growth.grown,
            "measured_since": growth.measured_since,
            "teams": [asdict(row) for row in selectors.use_by_team(backend)],
        }
        return Response(StoreGrowth(told).data)


class StoreRetentionView(_View):
    @extend_schema(
        operation_id="storage_backend_retention_preview",
        parameters=[OpenApiParameter("days", OpenApiTypes.INT, description="Left out: the days that hold now.")],
        responses=StoreRetention,
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """What the next round would remove of files that nothing needs, if they were kept for so many days."""
        backend = self.backend(pk)
        asked = request.query_params.get("days", str(backend.retention_days))
        try:
            days = serializers.IntegerField(min_value=1, max_value=selectors.DAYS_MOST).run_validation(asked)
        except serializers.ValidationError as error:
            raise Invalid.field("days", f"A whole number from 1 to {selectors.DAYS_MOST}.") from error
        return Response(StoreRetention(asdict(selectors.retention_preview(backend, days))).data)


class TestView(_View):
    @extend_schema(operation_id="storage_test_get", responses=StoreTestRow)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """A test with its steps."""
        policies.require_stores_manage(self.actor)
        test = selectors.test_get(self.actor, pk)
        return Response(StoreTestRow(test).data)


class MovesView(_View):
    @extend_schema(operation_id="storage_move_list", parameters=_PAGE, responses=StoreMoveRow(many=True))
    def get(self, request: Request) -> Response:
        """Moves of teams' files between backends."""
        policies.require_stores_manage(self.actor)
        return self.page(selectors.move_list(self.actor), StoreMoveRow)

    @extend_schema(operation_id="storage_move_create", request=StoreMoveInput, responses={202: StoreMoveRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Move what a team has in one backend into another; its new files go there too from now on."""
        move = services.move_begin(actor=self.actor, **self.input(StoreMoveInput))
        return Response(StoreMoveRow(move).data, status=202)


class MoveView(_View):
    @extend_schema(operation_id="storage_move_get", responses=StoreMoveRow)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """A move and how far it is."""
        policies.require_stores_manage(self.actor)
        move = selectors.move_get(self.actor, pk)
        return Response(StoreMoveRow(move).data)


class MoveCancelView(_View):
    @extend_schema(operation_id="storage_move_cancel", request=None, responses=StoreMoveRow)
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Stop after the file that is under way; what was moved stays in the new place."""
        return Response(StoreMoveRow(services.move_cancel(actor=self.actor, move_id=pk)).data)
