import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0002_invitation_mail"),
        ("experiments", "0007_evaluation_datasets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Trace",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("created_by_label", models.CharField(blank=True, default="", max_length=200)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                ("key", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, default="", max_length=250)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("IN_PROGRESS", "running"),
                            ("OK", "finished"),
                            ("ERROR", "failed"),
                            ("STATE_UNSPECIFIED", "unknown"),
                        ],
                        default="IN_PROGRESS",
                        max_length=17,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("duration_ms", models.BigIntegerField(null=True)),
                ("client_request", models.CharField(blank=True, default="", max_length=250)),
                ("request", models.TextField(null=True)),
                ("response", models.TextField(null=True)),
                ("metadata", models.JSONField(default=dict)),
                ("tags", models.JSONField(default=dict)),
                ("usage", models.JSONField(default=dict)),
                ("described_at", models.DateTimeField(null=True)),
                ("span_count", models.PositiveIntegerField(default=0)),
                ("span_size", models.BigIntegerField(default=0)),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="experiments.experiment"
                    ),
                ),
                ("runs", models.ManyToManyField(related_name="+", to="experiments.run")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Span",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=16)),
                ("parent", models.CharField(blank=True, default="", max_length=16)),
                ("name", models.CharField(max_length=500)),
                ("type", models.CharField(blank=True, default="", max_length=100)),
                ("status", models.CharField(max_length=5)),
                ("message", models.TextField(blank=True, default="")),
                ("started_ns", models.BigIntegerField()),
                ("ended_ns", models.BigIntegerField(null=True)),
                ("attributes", models.JSONField(default=dict)),
                ("events", models.JSONField(default=list)),
                ("links", models.JSONField(default=list)),
                ("size", models.PositiveIntegerField()),
                (
                    "trace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="spans",
                        to="traces.trace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Assessment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("name", models.CharField(max_length=250)),
                (
                    "kind",
                    models.CharField(choices=[("FEEDBACK", "feedback"), ("EXPECTATION", "expectation")], max_length=11),
                ),
                ("span", models.CharField(blank=True, default="", max_length=16)),
                (
                    "source_type",
                    models.CharField(
                        choices=[
                            ("HUMAN", "a person"),
                            ("LLM_JUDGE", "a model"),
                            ("CODE", "code"),
                            ("SOURCE_TYPE_UNSPECIFIED", "unknown"),
                        ],
                        max_length=23,
                    ),
                ),
                ("source_id", models.CharField(blank=True, default="", max_length=250)),
                ("value", models.JSONField(null=True)),
                ("error", models.JSONField(null=True)),
                ("rationale", models.TextField(blank=True, default="")),
                ("metadata", models.JSONField(default=dict)),
                ("valid", models.BooleanField(default=True)),
                ("created_by_label", models.CharField(blank=True, default="", max_length=200)),
                ("updated_at", models.DateTimeField()),
                (
                    "overrides",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="traces.assessment",
                    ),
                ),
                (
                    "trace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assessments",
                        to="traces.trace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TraceFile",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("path", models.CharField(max_length=500)),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.BigIntegerField()),
                (
                    "trace",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="files",
                        to="traces.trace",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="trace",
            index=models.Index(fields=["experiment", "-started_at", "id"], name="traces_begun"),
        ),
        migrations.AddIndex(
            model_name="trace",
            index=models.Index(fields=["key"], name="traces_by_key"),
        ),
        migrations.AddConstraint(
            model_name="trace",
            constraint=models.UniqueConstraint(fields=("team", "key"), name="traces_key_once"),
        ),
        migrations.AddConstraint(
            model_name="span",
            constraint=models.UniqueConstraint(fields=("trace", "key"), name="traces_span_once"),
        ),
        migrations.AddIndex(
            model_name="assessment",
            index=models.Index(fields=["trace", "id"], name="traces_assessment_walk"),
        ),
        migrations.AddIndex(
            model_name="tracefile",
            index=models.Index(fields=["sha256"], name="traces_file_bytes"),
        ),
        migrations.AddConstraint(
            model_name="tracefile",
            constraint=models.UniqueConstraint(fields=("trace", "path"), name="traces_file_once"),
        ),
    ]
