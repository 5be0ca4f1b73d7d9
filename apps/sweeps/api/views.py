"""Sweeps for scripts and services."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.idempotency import idempotent
from apps.core.api.paging import KeyPagination
from apps.core.api.rows import ModelSerializer
from apps.core.api.views import ApiView
from apps.sweeps import selectors, services
from apps.sweeps.models import Sweep, Trial
from apps.sweeps.selectors import standing, trial_list

DIRECTIONS = ["MINIMISE", "MAXIMISE"]
LOCK_OR_OWN = ["lock", "own"]
_LIMIT = 2**53


class AimInput(serializers.Serializer[Any]):
    """A metric of the run and which way is better; `limit` is what a trial has to keep to."""

    metric = serializers.CharField(max_length=250)
    direction = serializers.ChoiceField(choices=DIRECTIONS)
    limit = serializers.FloatField(required=False, allow_null=True, default=None)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")


class SweepInput(serializers.Serializer[Any]):
    """A recipe with data and problem, or an entry of a bundle; `space` names for each parameter that is searched over
    {"low", "high", "log"?, "points"?} or {"choices"}. Without `objectives` those of the problem are taken.
    """

    method = serializers.ChoiceField(choices=Sweep.Method.choices, required=False, default="TPE")
    space = serializers.DictField()
    params = serializers.DictField(required=False, default=dict)
    recipe = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    dataset_version_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    bundle_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    entry = serializers.CharField(max_length=400, required=False, allow_blank=True, default="")
    environment = serializers.ChoiceField(choices=LOCK_OR_OWN, required=False, default="lock")
    objectives = AimInput(many=True, required=False)
    prune_after = serializers.IntegerField(
        min_value=1, max_value=1_000_000, required=False, allow_null=True, default=None,
        help_text="From this step on trials that are not among the best third at growing steps are ended.",
    )  # fmt: skip
    prune_metric = serializers.CharField(max_length=250, required=False, allow_blank=True, default="")
    seed = serializers.IntegerField(min_value=0, max_value=2**32 - 1, required=False, default=0)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    max_trials = serializers.IntegerField(min_value=1, max_value=1000, required=False, default=20)
    parallel = serializers.IntegerField(min_value=1, max_value=50, required=False, default=2)
    max_seconds = serializers.IntegerField(
        min_value=1, max_value=2_592_000, required=False, allow_null=True, default=None
    )
    cost_limit_minor = serializers.IntegerField(
        min_value=1, max_value=_LIMIT, required=False, allow_null=True, default=None,
        help_text="In the minor unit (cents) of the currency of the target's price.",
    )  # fmt: skip
    max_failures = serializers.IntegerField(min_value=1, max_value=100, required=False, default=3)
    target_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    idempotency_key = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class TrialRow(ModelSerializer[Trial]):
    """`values` are those of the objectives, in their order; `cause` says why it failed or was ended early."""

    class Meta:
        model = Trial
        fields = [
            *("id", "number", "state", "params", "values", "within", "cause", "run_id", "job_id", "seconds"),
            *("cost_minor", "created_at", "ended_at"),
        ]
        read_only_fields = fields


class SweepRow(ModelSerializer[Sweep]):
    """`trial_count` counts all trials until now; `cause` says what ended it."""

    environment = serializers.ChoiceField(choices=LOCK_OR_OWN, read_only=True)

    class Meta:
        model = Sweep
        fields = [
            *("id", "team_id", "name", "state", "method", "recipe", "dataset_version_id", "problem_id", "bundle_id"),
            *("entry", "environment", "params", "space", "seed", "objectives", "pruning", "target_id", "max_trials"),
            *("parallel", "max_seconds", "cost_limit_minor", "currency", "max_failures", "experiment_id", "run_id"),
            *("trial_count", "cause", "begun_by", "created_by_label", "created_at", "ended_at"),
        ]
        read_only_fields = fields


class SweepDetail(SweepRow):
    """With the best trial so far, which keeps to the limits if any does, those that none beats, and the cost."""

    best = TrialRow(read_only=True, allow_null=True)
    front = TrialRow(many=True, read_only=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    cost = serializers.FloatField(read_only=True, allow_null=True)

    class Meta(SweepRow.Meta):
        fields = [*SweepRow.Meta.fields, "best", "front", "counts", "cost"]
        read_only_fields = fields


class CancelSweepInput(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=250, required=False, allow_blank=True, default="")


class SweepsQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)


def _detail(sweep: Sweep) -> dict[str, Any]:
    trials = list(trial_list(sweep).defer("run__metrics_latest", "job__spec", "job__files").order_by("number"))
    found = standing(sweep, trials)
    for name, value in (
        ("best", found.best),
        ("front", found.front),
        ("counts", dict(found.counts)),
        ("cost", found.cost_minor),
    ):
        setattr(sweep, name, value)
    return SweepDetail(sweep).data


class SweepListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="sweep_list", parameters=[SweepsQuery], responses={200: SweepRow(many=True)})
    def get(self, request: Request) -> Response:
        """Sweeps that you may see, newest first."""
        query = self.query(SweepsQuery)
        return self.page(selectors.sweep_list(self.actor, query["team"]), SweepRow)

    @extend_schema(operation_id="sweep_create", request=SweepInput, responses={201: SweepRow})
    @idempotent
    def post(self, request: Request) -> Response:
        """Search over parameters; the trials are ordinary jobs, launched in your name."""
        sweep = services.sweep_create(actor=self.actor, **self.input(SweepInput))
        return Response(SweepRow(sweep).data, status=201)


class SweepView(ApiView):
    @extend_schema(operation_id="sweep_get", responses={200: SweepDetail})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One sweep with the best trial so far."""
        return Response(_detail(selectors.sweep_get(self.actor, pk)))


class TrialListView(ApiView):
    pagination_class = KeyPagination

    @extend_schema(operation_id="sweep_trials", responses={200: TrialRow(many=True)})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The trials of a sweep, newest first."""
        sweep = selectors.sweep_get(self.actor, pk)
        return self.page(selectors.trial_list(sweep), TrialRow)


class SweepCancelView(ApiView):
    @extend_schema(operation_id="sweep_cancel", request=CancelSweepInput, responses={200: SweepRow})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """End it, and with it the jobs of its open trials; what is done stays."""
        sweep = services.sweep_cancel(actor=self.actor, sweep_id=pk, **self.input(CancelSweepInput))
        return Response(SweepRow(sweep).data)
