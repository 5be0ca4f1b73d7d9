import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation_mail"),
        ("experiments", "0006_run_metric"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EvaluationDataset",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("created_by_label", models.CharField(blank=True, default="", max_length=200)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                ("name", models.CharField(max_length=255)),
                ("tags", models.JSONField(default=dict)),
                ("schema", models.JSONField(null=True)),
                ("updated_at", models.DateTimeField(auto_now_add=True)),
                ("updated_by_label", models.CharField(blank=True, default="", max_length=200)),
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
                ("experiments", models.ManyToManyField(related_name="+", to="experiments.experiment")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EvaluationRecord",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("inputs", models.JSONField()),
                ("inputs_sha256", models.CharField(max_length=64)),
                ("outputs", models.JSONField(null=True)),
                ("expectations", models.JSONField(null=True)),
                ("tags", models.JSONField(default=dict)),
                ("source", models.JSONField(null=True)),
                ("size", models.PositiveIntegerField()),
                ("updated_at", models.DateTimeField()),
                ("created_by_label", models.CharField(max_length=200)),
                ("updated_by_label", models.CharField(max_length=200)),
                (
                    "dataset",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="records",
                        to="experiments.evaluationdataset",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="evaluationdataset",
            index=models.Index(fields=["team", "-created_at", "-id"], name="experiments_evaldata_newest"),
        ),
        migrations.AddIndex(
            model_name="evaluationrecord",
            index=models.Index(fields=["dataset", "id"], name="experiments_evalrecord_walk"),
        ),
        migrations.AddConstraint(
            model_name="evaluationrecord",
            constraint=models.UniqueConstraint(fields=("dataset", "inputs_sha256"), name="experiments_evalrecord_once"),
        ),
    ]
