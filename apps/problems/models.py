"""The question that a model is to answer, its objectives and its segments."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.core.models import BaseModel, TeamOwned


class TaskKind(models.TextChoices):
    BINARY = "BINARY", "two classes"
    MULTICLASS = "MULTICLASS", "many classes"
    REGRESSION = "REGRESSION", "a number"
    RANKING = "RANKING", "an order of items"


class RiskClass(models.TextChoices):
    LOW = "LOW", "low"
    MEDIUM = "MEDIUM", "medium"
    HIGH = "HIGH", "high"


class DecisionMode(models.TextChoices):
    AUTOMATE = "AUTOMATE", "the model decides"
    ASSIST = "ASSIST", "the model advises, a person decides"
    HUMAN = "HUMAN", "a person decides, the model is shown afterwards"


class Problem(TeamOwned):
    """A registered problem; its words live in versions."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        IN_REVIEW = "IN_REVIEW", "in review"
        ACCEPTED = "ACCEPTED", "accepted"
        ACTIVE = "ACTIVE", "active"
        SUSPENDED = "SUSPENDED", "suspended"
        CLOSED = "CLOSED", "closed"

    name = models.CharField(max_length=120)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    # Where a suspended problem goes back to.
    state_before = models.CharField(max_length=12, blank=True, default="")
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    risk_class = models.CharField(max_length=8, choices=RiskClass.choices, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint("team", Lower("name"), name="problems_name_once")]

    def __str__(self) -> str:
        return self.name


class ProblemVersion(BaseModel):
    """What was agreed: sealed by the database once accepted."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        IN_REVIEW = "IN_REVIEW", "in review"
        SEALED = "SEALED", "accepted"

    problem = models.ForeignKey(Problem, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    question = models.TextField(blank=True, default="")
    decision_served = models.TextField(blank=True, default="")
    population = models.TextField(blank=True, default="")
    unit_of_prediction = models.CharField(max_length=200, blank=True, default="")
    task = models.CharField(max_length=12, choices=TaskKind.choices, default=TaskKind.BINARY)
    target = models.CharField(max_length=200, blank=True, default="")
    positive_label = models.CharField(max_length=200, blank=True, default="")
    # Copied to the problem when the version is accepted (before the first acceptance: at every edit).
    owner = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    risk_class = models.CharField(max_length=8, choices=RiskClass.choices, blank=True, default="")
    # Plain words for the page, e.g. "released" / "held": what the model says for either class.
    positive_word = models.CharField(max_length=60, blank=True, default="")
    negative_word = models.CharField(max_length=60, blank=True, default="")
    decision_mode = models.CharField(max_length=8, choices=DecisionMode.choices, blank=True, default="")
    # {"currency": "CAD", "false_positive": minor units, "false_negative": minor units} for two classes,
    # {"currency", "matrix": {truth: {prediction: minor units}}} for many, {"currency", "per_unit": ...} for numbers.
    error_costs = models.JSONField(default=dict, blank=True)
    label_delay_days = models.PositiveIntegerField(null=True, blank=True)
    review_period_days = models.PositiveIntegerField(default=365)
    # {"rows": 100, "positives": 15, "negatives": 15}
    least_support = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, default="")
    # Everybody who changed or submitted this version: none of them may accept it (also a trigger).
    edited_by = models.ManyToManyField("accounts.User", related_name="+")
    # The meaning of each segment that this version was written with.
    segment_versions = models.ManyToManyField("problems.SegmentVersion", related_name="+")
    returned_reason = models.TextField(blank=True, default="")
    accepted_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["problem", "number"], name="problems_version_number_once"),
            models.CheckConstraint(
                condition=~Q(state="SEALED") | Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="problems_sealed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.problem}, version {self.number}"


class Objective(BaseModel):
    """One aim of a problem version with its limit; the limits become gates."""

    class Direction(models.TextChoices):
        MINIMISE = "MINIMISE", "lower is better"
        MAXIMISE = "MAXIMISE", "higher is better"

    class Comparison(models.TextChoices):
        ABSOLUTE = "ABSOLUTE", "against a limit"
        LIVE = "LIVE", "not worse than live by more than the margin"

    class Scope(models.TextChoices):
        OVERALL = "OVERALL", "overall"
        SEGMENTS = "SEGMENTS", "in every segment"
        PROTECTED = "PROTECTED", "in every protected segment"
        DISPARITY = "DISPARITY", "between the groups of a segment"

    version = models.ForeignKey(ProblemVersion, on_delete=models.CASCADE, related_name="objectives")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    dimension = models.CharField(max_length=20, default="QUALITY")
    metric = models.CharField(max_length=60)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    comparison = models.CharField(max_length=8, choices=Comparison.choices, default=Comparison.ABSOLUTE)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.OVERALL)
    # For scope DISPARITY: the segment's name.
    segment = models.CharField(max_length=120, blank=True, default="")
    limit = models.FloatField(null=True, blank=True)
    weight = models.FloatField(default=1.0)
    critical = models.BooleanField(default=False)
    # Why this and no other; an objective between groups chooses a fairness criterion, and cannot go without.
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="problems_objective_once")]


class Segment(TeamOwned):
    """A named way to divide people or rows; its meaning lives in versions."""

    problem = models.ForeignKey(Problem, on_delete=models.PROTECT, related_name="segments")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint("problem", Lower("name"), name="problems_segment_once")]

    def __str__(self) -> str:
        return self.name


class SegmentVersion(BaseModel):
    """Expression over columns, optional bands, purpose and least support; sealed once used or accepted."""

    class Purpose(models.TextChoices):
        PERFORMANCE = "PERFORMANCE", "performance"
        PROTECTED = "PROTECTED", "protected"
        OPERATIONAL = "OPERATIONAL", "operational"

    class State(models.TextChoices):
        DRAFT = "DRAFT", "draft"
        SEALED = "SEALED", "sealed"
        RETIRED = "RETIRED", "retired"

    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    expression = models.CharField(max_length=500)
    # {"edges": [25, 35], "labels": ["under 25", "25 to 34", "35 and over"]} or null
    bands = models.JSONField(null=True, blank=True)
    purpose = models.CharField(max_length=12, choices=Purpose.choices, default=Purpose.PERFORMANCE)
    # Overrides the problem's: {"rows", "positives", "negatives"} or null
    least_support = models.JSONField(null=True, blank=True)
    legal_note = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "number"], name="problems_segmentversion_once")]

    def __str__(self) -> str:
        return f"{self.segment} {self.number}"


class BehaviourTest(TeamOwned):
    """A named claim about what any model of the problem must do; what it says lives in versions."""

    problem = models.ForeignKey(Problem, on_delete=models.PROTECT, related_name="behaviour_tests")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint("problem", Lower("name"), name="problems_behaviour_once")]

    def __str__(self) -> str:
        return self.name


class BehaviourVersion(BaseModel):
    """What a behaviour test says, sealed by the database from its beginning; the newest of a test is in force."""

    class Kind(models.TextChoices):
        INVARIANCE = "INVARIANCE", "a change that must not matter"
        DIRECTION = "DIRECTION", "a change that must move the score one way"
        LEAST_FUNCTION = "LEAST_FUNCTION", "rows whose answer is plain"

    test = models.ForeignKey(BehaviourTest, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    why = models.CharField(max_length=500)
    # A critical test that fails, is not proven or could not be run stands in the way of a release.
    critical = models.BooleanField(default=False)
    # The rest of analysis.contracts.behaviour: where, change, compare, direction, class, tolerance, expect, cases,
    # least_share.
    definition = models.JSONField(default=dict)
    created_by_label = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["test", "number"], name="problems_behaviourversion_once")]

    def __str__(self) -> str:
        return f"{self.test} {self.number}"
