"""Saved views for scripts: the same as on the page of an experiment."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.experiments import selectors, services
from apps.experiments.models import SavedView


class SavedViewRow(ModelSerializer[SavedView]):
    """A view: the query of the page's address under a name; your own, or the team's when `shared`."""

    shared = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ["id", "experiment_id", "name", "query", "shared", "is_default", "created_at", "row_version"]
        read_only_fields = fields

    def get_shared(self, view: SavedView) -> bool:
        return view.owner_id is None


class SavedViewInput(serializers.Serializer[Any]):
    """What is kept."""

    name = serializers.CharField(max_length=120)
    query = serializers.CharField(max_length=services.QUERY_LIMIT, allow_blank=True, default="")
    shared = serializers.BooleanField(default=False)
    is_default = serializers.BooleanField(default=False)


class SavedViewChange(serializers.Serializer[Any]):
    """What of a view changes; fields left out stay."""

    name = serializers.CharField(max_length=120, required=False)
    query = serializers.CharField(max_length=services.QUERY_LIMIT, allow_blank=True, required=False)
    is_default = serializers.BooleanField(required=False)
    row_version = serializers.IntegerField(required=False)


class SavedViewListView(ApiView):
    pagination_class = None

    @extend_schema(operation_id="experiment_view_list", responses={200: SavedViewRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Your own views of an experiment, then the team's."""
        experiment = selectors.experiment_get(self.actor, pk)
        return Response(SavedViewRow(selectors.view_list(self.actor, experiment.pk), many=True).data)

    @extend_schema(operation_id="experiment_view_create", request=SavedViewInput, responses={201: SavedViewRow})
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Keep a view for yourself, or for the team."""
        data = self.input(SavedViewInput)
        view = services.view_create(actor=self.actor, experiment_id=pk, **data)
        return Response(SavedViewRow(view).data, status=201)


class SavedViewView(ApiView):
    @extend_schema(operation_id="experiment_view_update", request=SavedViewChange, responses={200: SavedViewRow})
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change name, query or whether the page opens with it."""
        return Response(
            SavedViewRow(services.view_update(actor=self.actor, view_id=pk, **self.input(SavedViewChange))).data
        )

    @extend_schema(operation_id="experiment_view_delete", responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a view; the runs are not touched."""
        services.view_delete(actor=self.actor, view_id=pk)
        return Response(status=204)
