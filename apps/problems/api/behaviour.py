"""Behaviour tests for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analysis.contracts.behaviour import DIRECTIONS, LABEL, SCORE
from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.problems import selectors, services
from apps.problems.api.serializers import FiniteFloat
from apps.problems.models import BehaviourVersion


class BehaviourTestSave(serializers.Serializer[Any]):
    """A behaviour test by name. Which fields belong to which kind: `change` and `compare` to INVARIANCE, `change` and
    `direction` to DIRECTION, `expect` or `cases` to LEAST_FUNCTION.
    """

    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=BehaviourVersion.Kind.choices)
    why = serializers.CharField(max_length=500, help_text="Why a model must behave so, in one sentence.")
    critical = serializers.BooleanField(required=False)
    where = serializers.CharField(max_length=500, required=False, allow_blank=True, allow_null=True)
    change = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        max_length=20,
        help_text='Each {"column", and one of "to" (a value, or a list tried in turn), "add", "multiply", "swap"}.',
    )
    compare = serializers.ChoiceField(choices=[SCORE, LABEL], required=False)
    direction = serializers.ChoiceField(choices=list(DIRECTIONS), required=False)
    tolerance = FiniteFloat(min_value=0, required=False, allow_null=True)
    expect = serializers.DictField(required=False, allow_null=True, help_text='{"label"} or {"at_least", "at_most"}.')
    cases = serializers.ListField(
        child=serializers.DictField(), required=False, max_length=1000, help_text='Each {"values", "expect"}.'
    )
    least_share = FiniteFloat(min_value=0, max_value=1, required=False, allow_null=True)
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """With "class", which is no name that Python takes."""
        fields: dict[str, Any] = super().get_fields()
        fields["class"] = serializers.CharField(max_length=200, required=False, allow_blank=True, allow_null=True)
        return fields


class BehaviourTestChange(serializers.Serializer[Any]):
    """Archive or bring back."""

    archived = serializers.BooleanField()
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class BehaviourVersionRow(ModelSerializer[BehaviourVersion]):
    """A version of a behaviour test; `definition` is the rest of what it says, `says` the whole in one sentence."""

    test_id = serializers.UUIDField()
    name = serializers.CharField(source="test.name")
    archived_at = serializers.DateTimeField(source="test.archived_at", allow_null=True)
    definition = serializers.JSONField()
    says = serializers.SerializerMethodField()
    before_first_model = serializers.SerializerMethodField()

    class Meta:
        model = BehaviourVersion
        fields = [
            "id",
            "test_id",
            "name",
            "number",
            "kind",
            "why",
            "critical",
            "definition",
            "says",
            "before_first_model",
            "archived_at",
            "created_at",
        ]
        read_only_fields = fields

    def get_says(self, version: BehaviourVersion) -> str:
        return selectors.behaviour_words(version)

    def get_before_first_model(self, version: BehaviourVersion) -> bool:
        return selectors.came_first(version)


class BehaviourTestListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="problem_behaviour_list", responses=BehaviourVersionRow(many=True))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Every version of every behaviour test of a problem."""
        problem = selectors.problem_get(self.actor, pk)
        return self.page(selectors.behaviour_list(self.actor, problem), BehaviourVersionRow)

    @extend_schema(
        operation_id="problem_behaviour_save", request=BehaviourTestSave, responses={201: BehaviourVersionRow}
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Write a behaviour test by name; the same again gives the version that stands."""
        saved = services.behaviour_save(actor=self.actor, problem_id=pk, **self.input(BehaviourTestSave))
        return Response(BehaviourVersionRow(selectors.behaviour_version_get(self.actor, saved.pk)).data, status=201)


class BehaviourTestView(ApiView):
    @extend_schema(operation_id="problem_behaviour_update", request=BehaviourTestChange, responses=BehaviourVersionRow)
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Take a test out of force, or bring it back."""
        version = services.behaviour_archive(actor=self.actor, test_id=pk, **self.input(BehaviourTestChange))
        return Response(BehaviourVersionRow(selectors.behaviour_version_get(self.actor, version.pk)).data)
