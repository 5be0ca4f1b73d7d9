"""Problems as JSON."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.problems import selectors
from apps.problems.models import (
    DecisionMode,
    Objective,
    Problem,
    ProblemVersion,
    RiskClass,
    SegmentVersion,
    TaskKind,
)
from apps.problems.rules import MAX_DAYS, MAX_OBJECTIVES, MAX_SEGMENTS

MOST = 2_147_483_647


class FiniteFloat(serializers.FloatField):
    """A float that is a number: text such as "NaN" is refused."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class LeastSupport(serializers.Serializer[Any]):
    """The least rows of a group, in all and of either outcome."""

    rows = serializers.IntegerField(min_value=0, max_value=10**9, required=False)
    positives = serializers.IntegerField(min_value=0, max_value=10**9, required=False)
    negatives = serializers.IntegerField(min_value=0, max_value=10**9, required=False)


class SegmentBands(serializers.Serializer[Any]):
    """Edges cut a number into groups; labels may be left out."""

    edges = serializers.ListField(child=FiniteFloat(), min_length=1, max_length=49)
    labels = serializers.ListField(child=serializers.CharField(max_length=120), required=False, max_length=50)


class ErrorCosts(serializers.Serializer[Any]):
    """Costs in minor units (cents). Which are needed depends on the task."""

    currency = serializers.RegexField(r"^[A-Z]{3}\Z", required=False)
    false_positive = serializers.IntegerField(min_value=0, max_value=10**15, required=False)
    false_negative = serializers.IntegerField(min_value=0, max_value=10**15, required=False)
    per_error = serializers.IntegerField(min_value=0, max_value=10**15, required=False)
    per_unit = serializers.IntegerField(min_value=0, max_value=10**15, required=False)
    matrix = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField(min_value=0, max_value=10**15)), required=False
    )


class ObjectiveInput(serializers.Serializer[Any]):
    """One aim. Limits of rates lie between 0 and 1."""

    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    metric = serializers.CharField(max_length=60)
    direction = serializers.ChoiceField(choices=Objective.Direction.choices, required=False)
    comparison = serializers.ChoiceField(choices=Objective.Comparison.choices, required=False)
    scope = serializers.ChoiceField(choices=Objective.Scope.choices, required=False)
    segment = serializers.CharField(max_length=120, required=False, allow_blank=True)
    limit = FiniteFloat(required=False, allow_null=True)
    weight = FiniteFloat(required=False, min_value=0, max_value=1e6)
    critical = serializers.BooleanField(required=False)
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="Why this one; needed for scope DISPARITY."
    )


class SegmentInput(serializers.Serializer[Any]):
    """A segment by name with its meaning."""

    name = serializers.CharField(max_length=120)
    expression = serializers.CharField(max_length=500)
    bands = SegmentBands(required=False, allow_null=True)
    purpose = serializers.ChoiceField(choices=SegmentVersion.Purpose.choices, required=False)
    least_support = LeastSupport(required=False, allow_null=True)
    legal_note = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class SegmentSave(SegmentInput):
    """The same with a reason."""

    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True)


class ProblemDraft(serializers.Serializer[Any]):
    """Fields of a draft; what is left out stays. `objectives` and `segments` replace the whole list."""

    question = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    decision_served = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    population = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    unit_of_prediction = serializers.CharField(max_length=200, required=False, allow_blank=True)
    task = serializers.ChoiceField(choices=TaskKind.choices, required=False)
    target = serializers.CharField(max_length=200, required=False, allow_blank=True)
    positive_label = serializers.CharField(max_length=200, required=False, allow_blank=True)
    positive_word = serializers.CharField(max_length=60, required=False, allow_blank=True)
    negative_word = serializers.CharField(max_length=60, required=False, allow_blank=True)
    owner_id = serializers.UUIDField(required=False, allow_null=True)
    risk_class = serializers.ChoiceField(choices=RiskClass.choices, required=False, allow_blank=True)
    decision_mode = serializers.ChoiceField(choices=DecisionMode.choices, required=False, allow_blank=True)
    error_costs = ErrorCosts(required=False)
    label_delay_days = serializers.IntegerField(min_value=0, max_value=MAX_DAYS, required=False, allow_null=True)
    review_period_days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, required=False)
    least_support = LeastSupport(required=False)
    objectives = serializers.ListField(child=ObjectiveInput(), required=False, max_length=MAX_OBJECTIVES)
    segments = serializers.ListField(child=SegmentInput(), required=False, max_length=MAX_SEGMENTS)


class ProblemInput(ProblemDraft):
    """A new problem: only team and name are needed."""

    team_id = serializers.UUIDField()
    name = serializers.CharField(max_length=120)


class ProblemVersionChange(ProblemDraft):
    """A change of a draft; `row_version` guards against lost updates."""

    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    name = serializers.CharField(max_length=120, required=False)


class ProblemName(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)


class ProblemRowVersion(serializers.Serializer[Any]):
    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)


class ProblemReason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class ProblemReturn(ProblemReason):
    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)


class ProblemRow(ModelSerializer[Problem]):
    """A problem."""

    team_id = serializers.UUIDField()
    owner_id = serializers.UUIDField()
    owner = serializers.CharField(source="owner.username")
    begun_by = serializers.CharField(source="created_by_label")
    risk_class = serializers.CharField(help_text="LOW, MEDIUM, HIGH, or empty while it is not stated.")

    class Meta:
        model = Problem
        fields = [
            "id",
            "team_id",
            "name",
            "state",
            "owner_id",
            "owner",
            "risk_class",
            "begun_by",
            "created_at",
            "archived_at",
            "row_version",
        ]
        read_only_fields = fields


class ObjectiveRow(ModelSerializer[Objective]):
    class Meta:
        model = Objective
        fields = [
            "id",
            "name",
            "dimension",
            "metric",
            "direction",
            "comparison",
            "scope",
            "segment",
            "limit",
            "weight",
            "critical",
            "reason",
        ]
        read_only_fields = fields


class SegmentVersionRow(ModelSerializer[SegmentVersion]):
    """A segment version."""

    segment_id = serializers.UUIDField()
    name = serializers.CharField(source="segment.name")
    bands = SegmentBands(allow_null=True)
    least_support = LeastSupport(allow_null=True)

    class Meta:
        model = SegmentVersion
        fields = [
            "id",
            "segment_id",
            "name",
            "number",
            "state",
            "expression",
            "bands",
            "purpose",
            "least_support",
            "legal_note",
            "created_at",
        ]
        read_only_fields = fields


class ProblemMissing(serializers.Serializer[Any]):
    field = serializers.CharField()
    message = serializers.CharField()


class ProblemVersionRow(ModelSerializer[ProblemVersion]):
    """A version without its rows."""

    problem_id = serializers.UUIDField()
    owner_id = serializers.UUIDField(allow_null=True)
    accepted_by = serializers.CharField(source="accepted_by.username", allow_null=True, default=None)
    error_costs = ErrorCosts()
    least_support = LeastSupport()
    risk_class = serializers.CharField(help_text="LOW, MEDIUM, HIGH, or empty while it is not stated.")
    decision_mode = serializers.CharField(help_text="AUTOMATE, ASSIST, HUMAN, or empty while it is not stated.")

    class Meta:
        model = ProblemVersion
        fields = [
            "id",
            "problem_id",
            "number",
            "state",
            "question",
            "decision_served",
            "population",
            "unit_of_prediction",
            "task",
            "target",
            "positive_label",
            "positive_word",
            "negative_word",
            "owner_id",
            "risk_class",
            "decision_mode",
            "error_costs",
            "label_delay_days",
            "review_period_days",
            "least_support",
            "reason",
            "returned_reason",
            "accepted_by",
            "accepted_at",
            "created_at",
            "row_version",
        ]
        read_only_fields = fields


class ProblemVersionDetail(ProblemVersionRow):
    """A version with objectives, segments, the threshold that follows from its costs, and what is missing."""

    objectives = serializers.SerializerMethodField()
    segments = serializers.SerializerMethodField()
    threshold = serializers.SerializerMethodField()
    missing = serializers.SerializerMethodField()

    class Meta(ProblemVersionRow.Meta):
        fields = [*ProblemVersionRow.Meta.fields, "objectives", "segments", "threshold", "missing"]
        read_only_fields = fields

    @extend_schema_field(ObjectiveRow(many=True))
    def get_objectives(self, version: ProblemVersion) -> Any:
        return ObjectiveRow(selectors.objective_list(version), many=True).data

    @extend_schema_field(SegmentVersionRow(many=True))
    def get_segments(self, version: ProblemVersion) -> Any:
        return SegmentVersionRow(selectors.segments_of(version), many=True).data

    def get_threshold(self, version: ProblemVersion) -> float | None:
        return selectors.threshold_of(version)

    @extend_schema_field(ProblemMissing(many=True))
    def get_missing(self, version: ProblemVersion) -> Any:
        if version.state != ProblemVersion.State.DRAFT:
            return []
        return [item.to_json() for item in selectors.missing_items(version)]


class ProblemDetail(ProblemRow):
    """A problem with the version in force and the one being written or reviewed."""

    current = serializers.SerializerMethodField()
    open = serializers.SerializerMethodField()

    class Meta(ProblemRow.Meta):
        fields = [*ProblemRow.Meta.fields, "current", "open"]
        read_only_fields = fields

    @extend_schema_field(ProblemVersionDetail(allow_null=True))
    def get_current(self, problem: Problem) -> Any:
        version = selectors.version_current(problem)
        return ProblemVersionDetail(version).data if version else None

    @extend_schema_field(ProblemVersionDetail(allow_null=True))
    def get_open(self, problem: Problem) -> Any:
        version = selectors.version_open(problem)
        return ProblemVersionDetail(version).data if version else None


class ProblemQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    state = serializers.ChoiceField(choices=Problem.State.choices, required=False, default="")
    text = serializers.CharField(max_length=120, required=False, default="")
    archived = serializers.BooleanField(required=False, default=False)
