"""Data as JSON."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.api.rows import ModelSerializer
from apps.datasets.contracts import PART_BYTES, ColumnRole, ColumnType
from apps.datasets.models import Dataset, DatasetVersion, Upload

MOST = 2_147_483_647
ROLES = [(role.value, role.value.lower()) for role in ColumnRole]
TYPES = [(kind.value, kind.value.lower()) for kind in ColumnType]


class ShareField(serializers.FloatField):
    """A share between 0 and 1; text such as "NaN" is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


class DatasetInput(serializers.Serializer[Any]):
    """A new dataset."""

    team_id = serializers.UUIDField()
    name = serializers.CharField(max_length=120)
    problem_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")
    licence = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    source = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")  # type: ignore[assignment]


class DatasetChange(serializers.Serializer[Any]):
    """What of a dataset changes; fields left out stay."""

    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)
    name = serializers.CharField(max_length=120, required=False)
    problem_id = serializers.UUIDField(required=False, allow_null=True)
    description = serializers.CharField(max_length=5000, required=False, allow_blank=True)
    licence = serializers.CharField(max_length=120, required=False, allow_blank=True)
    source = serializers.CharField(max_length=300, required=False, allow_blank=True)  # type: ignore[assignment]


class DatasetRow(ModelSerializer[Dataset]):
    """A dataset."""

    team_id = serializers.UUIDField()
    problem_id = serializers.UUIDField(allow_null=True)
    registered_by = serializers.CharField(source="created_by_label")

    class Meta:
        model = Dataset
        fields = [
            "id",
            "team_id",
            "problem_id",
            "name",
            "description",
            "licence",
            "source",
            "registered_by",
            "created_at",
            "archived_at",
            "row_version",
        ]
        read_only_fields = fields


class DatasetQuery(serializers.Serializer[Any]):
    team = serializers.UUIDField(required=False, default=None)
    problem = serializers.UUIDField(required=False, default=None)
    text = serializers.CharField(max_length=120, required=False, default="")
    archived = serializers.BooleanField(required=False, default=False)


class DatasetConfirm(serializers.Serializer[Any]):
    """The name, repeated, and a reason."""

    confirm = serializers.CharField(max_length=200)
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class DatasetPurge(serializers.Serializer[Any]):
    confirm = serializers.CharField(max_length=200)
    reason = serializers.CharField(max_length=2000)


class DatasetReason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class DatasetDeletePreview(serializers.Serializer[Any]):
    """What deleting would mean."""

    bytes = serializers.IntegerField()
    versions = serializers.IntegerField()
    used = serializers.ListField(child=serializers.CharField())
    against = serializers.ListField(child=serializers.CharField())
    allowed = serializers.BooleanField()


class DatasetColumn(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=TYPES)
    role = serializers.ChoiceField(choices=ROLES)


class SplitShares(serializers.Serializer[Any]):
    train = ShareField()
    validation = ShareField(required=False, default=0.0)
    test = ShareField()


class DatasetSplit(serializers.Serializer[Any]):
    """Empty until the profile is there."""

    seed = serializers.IntegerField(required=False)
    fractions = SplitShares(required=False)
    by = serializers.CharField(required=False, allow_null=True)


class DatasetFile(serializers.Serializer[Any]):
    path = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class DatasetFault(serializers.Serializer[Any]):
    """Why a file was not taken, with the place and the lines around it."""

    code = serializers.CharField()
    message = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    column = serializers.IntegerField(allow_null=True)
    lines = serializers.ListField(child=serializers.ListField())
    mark = serializers.ListField(child=serializers.IntegerField(), allow_null=True, required=False)
    bytes_kept = serializers.BooleanField(required=False)


class DatasetVersionRow(ModelSerializer[DatasetVersion]):
    """A version of a dataset."""

    dataset_id = serializers.UUIDField()
    team_id = serializers.UUIDField()
    job_id = serializers.UUIDField(allow_null=True)
    uploaded_by = serializers.CharField(source="created_by_label")
    manifest = DatasetFile(many=True)
    error = DatasetFault(allow_null=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id",
            "dataset_id",
            "team_id",
            "number",
            "state",
            "filename",
            "format",
            "content_digest",
            "size",
            "manifest",
            "row_count",
            "error",
            "job_id",
            "uploaded_by",
            "created_at",
            "cited_at",
            "purged_at",
            "purge_reason",
            "row_version",
        ]
        read_only_fields = fields


class DatasetVersionDetail(DatasetVersionRow):
    """A version with the roles of its columns, its split and the hash of the typed table."""

    columns = DatasetColumn(source="schema", many=True)
    split = DatasetSplit()

    class Meta(DatasetVersionRow.Meta):
        fields = [*DatasetVersionRow.Meta.fields, "columns", "split", "table_sha256", "table_size"]
        read_only_fields = fields


class DatasetRoles(serializers.Serializer[Any]):
    """Roles by column; columns that are left out keep theirs."""

    roles = serializers.DictField(child=serializers.ChoiceField(choices=ROLES))
    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)


class DatasetSplitInput(serializers.Serializer[Any]):
    """Shares sum to 1; `by` names the column whose values stay together."""

    seed = serializers.IntegerField(min_value=0, max_value=MOST)
    fractions = SplitShares()
    by = serializers.CharField(max_length=200, required=False, allow_null=True, default=None)
    row_version = serializers.IntegerField(min_value=1, max_value=MOST, required=False)


class UploadInput(serializers.Serializer[Any]):
    """A file that is about to be sent. `name` is another word for `filename`."""

    filename = serializers.CharField(max_length=1000, required=False)
    name = serializers.CharField(max_length=1000, required=False)
    size = serializers.IntegerField(min_value=0, max_value=2**62)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        filename = attrs.get("filename") or attrs.get("name")
        if not filename:
            raise serializers.ValidationError({"filename": "Give the file's name."})
        return {"filename": filename, "size": attrs["size"]}


class UploadRow(ModelSerializer[Upload]):
    """An upload: `received` says from which byte to go on, `part_size` how much to send at once."""

    dataset_id = serializers.UUIDField()
    version_id = serializers.UUIDField(allow_null=True)
    url = serializers.SerializerMethodField()
    part_size = serializers.SerializerMethodField()

    class Meta:
        model = Upload
        fields = [
            "id",
            "dataset_id",
            "filename",
            "size",
            "received",
            "part_size",
            "state",
            "url",
            "version_id",
            "created_at",
            "expires_at",
        ]
        read_only_fields = fields

    def get_url(self, upload: Upload) -> str:
        return f"/api/v1/uploads/{upload.pk}"

    def get_part_size(self, upload: Upload) -> int:
        return PART_BYTES


class ProfileInput(serializers.Serializer[Any]):
    """Where the job that reads the file runs."""

    target_id = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A compute target; left out: this machine."
    )


class UploadDone(serializers.Serializer[Any]):
    """What the upload became: its own id, the version, and the page to go to."""

    id = serializers.UUIDField()
    same = serializers.BooleanField()
    redirect = serializers.CharField()
    version = DatasetVersionDetail()


class PartQuery(serializers.Serializer[Any]):
    offset = serializers.IntegerField(min_value=0, max_value=2**62, help_text="The first byte of this part.")


class DatasetProfile(serializers.Serializer[Any]):
    """What the profile found, as the job reported it."""

    row_count = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.DictField())
    sample = serializers.DictField(allow_null=True)


class SegmentGroup(serializers.Serializer[Any]):
    """Rows of one group; `thin` says why nothing can be concluded about it."""

    segment = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    n = serializers.IntegerField()
    share = serializers.FloatField()
    least = serializers.IntegerField()
    protected = serializers.BooleanField()
    thin = serializers.CharField(allow_blank=True)


class DatasetSupport(serializers.Serializer[Any]):
    """Rows per group of the segments that hold today."""

    counted = serializers.BooleanField()
    groups = SegmentGroup(many=True, source="rows")
    crossings = SegmentGroup(many=True)
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_errors(self, report: Any) -> dict[str, str]:
        return dict(report.errors)


class QueuedJob(serializers.Serializer[Any]):
    job_id = serializers.UUIDField()
