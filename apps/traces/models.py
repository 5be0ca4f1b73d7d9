"""Traces: what one request to an application did, span by span, and how people and programs judged it."""

from __future__ import annotations

from django.db import models

from apps.core.models import BaseModel, TeamOwned


class Trace(TeamOwned):
    """One request, in MLflow's words. Its id is the client's own, so it is unique in its team alone."""

    class State(models.TextChoices):
        IN_PROGRESS = "IN_PROGRESS", "running"
        OK = "OK", "finished"
        ERROR = "ERROR", "failed"
        UNKNOWN = "STATE_UNSPECIFIED", "unknown"

    experiment = models.ForeignKey("experiments.Experiment", on_delete=models.PROTECT, related_name="+")
    # What clients call it: tr- and 32 hexadecimal digits.
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=250, blank=True, default="")
    state = models.CharField(max_length=17, choices=State.choices, default=State.IN_PROGRESS)
    started_at = models.DateTimeField()
    duration_ms = models.BigIntegerField(null=True)
    # The id of the request in the system that asked.
    client_request = models.CharField(max_length=250, blank=True, default="")
    # The beginnings of what came in and what went out, as JSON or text.
    request = models.TextField(null=True)
    response = models.TextField(null=True)
    metadata = models.JSONField(default=dict)
    tags = models.JSONField(default=dict)
    # Tokens that models took and gave: {"input_tokens", "output_tokens", "total_tokens"}, as far as known.
    usage = models.JSONField(default=dict)
    # Since when a client has described it; before, its fields follow from its spans.
    described_at = models.DateTimeField(null=True)
    # Of its spans: how many, and the characters of their JSON.
    span_count = models.PositiveIntegerField(default=0)
    span_size = models.BigIntegerField(default=0)
    runs = models.ManyToManyField("experiments.Run", related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "key"], name="traces_key_once")]
        indexes = [
            models.Index(fields=["experiment", "-started_at", "id"], name="traces_begun"),
            models.Index(fields=["key"], name="traces_by_key"),
        ]

    def __str__(self) -> str:
        return self.name or self.key


class Span(models.Model):
    """One step of a trace. Times in nanoseconds since 1970."""

    id = models.BigAutoField(primary_key=True)
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, db_index=False, related_name="spans")
    # 16 hexadecimal digits; the parent of a root is "".
    key = models.CharField(max_length=16)
    parent = models.CharField(max_length=16, blank=True, default="")
    name = models.CharField(max_length=500)
    type = models.CharField(max_length=100, blank=True, default="")
    # OK, ERROR, UNSET
    status = models.CharField(max_length=5)
    message = models.TextField(blank=True, default="")
    started_ns = models.BigIntegerField()
    ended_ns = models.BigIntegerField(null=True)
    attributes = models.JSONField(default=dict)
    # [{"name", "time_ns", "attributes"}]
    events = models.JSONField(default=list)
    # [{"trace", "span", "attributes"}]
    links = models.JSONField(default=list)
    # Characters of its JSON.
    size = models.PositiveIntegerField()

    class Meta:
        constraints = [
            # The same span again, as it goes on or because a call was repeated, is the same row.
            models.UniqueConstraint(fields=["trace", "key"], name="traces_span_once")
        ]

    def __str__(self) -> str:
        return self.name


class TracePrompt(models.Model):
    """A version of a prompt that a client says a trace used, as MLflow writes it: <name>/<version>.

    Fairway keeps no prompts, so the words are all there is to know.
    """

    id = models.BigAutoField(primary_key=True)
    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, db_index=False, related_name="prompts")
    prompt = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "prompt"], name="traces_prompt_once")]
        indexes = [models.Index(fields=["prompt"], name="traces_by_prompt")]

    def __str__(self) -> str:
        return self.prompt


class Assessment(BaseModel):
    """A judgement of a trace or a span."""

    class Kind(models.TextChoices):
        FEEDBACK = "FEEDBACK", "feedback"
        EXPECTATION = "EXPECTATION", "expectation"
        # Of something that goes wrong in many traces: its name is the issue's id, its value what the issue is called.
        ISSUE = "ISSUE", "issue"

    class Source(models.TextChoices):
        HUMAN = "HUMAN", "a person"
        LLM_JUDGE = "LLM_JUDGE", "a model"
        CODE = "CODE", "code"
        UNKNOWN = "SOURCE_TYPE_UNSPECIFIED", "unknown"

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, db_index=False, related_name="assessments")
    name = models.CharField(max_length=250)
    kind = models.CharField(max_length=11, choices=Kind.choices)
    span = models.CharField(max_length=16, blank=True, default="")
    source_type = models.CharField(max_length=23, choices=Source.choices)
    source_id = models.CharField(max_length=250, blank=True, default="")
    value = models.JSONField(null=True)
    # {"error_code", "error_message", "stack_trace"}: why there is no value.
    error = models.JSONField(null=True)
    rationale = models.TextField(blank=True, default="")
    metadata = models.JSONField(default=dict)
    overrides = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    # False once another one overrides it.
    valid = models.BooleanField(default=True)
    created_by_label = models.CharField(max_length=200, blank=True, default="")
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["trace", "id"], name="traces_assessment_walk")]

    def __str__(self) -> str:
        return self.name


class TraceFile(BaseModel):
    """A file of a trace: spans that were too many to be kept as rows, or an attachment of a span."""

    trace = models.ForeignKey(Trace, on_delete=models.CASCADE, db_index=False, related_name="files")
    path = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trace", "path"], name="traces_file_once")]
        indexes = [models.Index(fields=["sha256"], name="traces_file_bytes")]

    def __str__(self) -> str:
        return self.path
