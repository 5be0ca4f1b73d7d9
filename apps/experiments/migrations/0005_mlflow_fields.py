import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.ids
from apps.core.sealing import seal_children, seal_rows


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation_mail"),
        ("experiments", "0004_purged"),
        ("problems", "0003_draft_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RunModel",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("direction", models.CharField(choices=[("INPUT", "input"), ("OUTPUT", "output")], max_length=6)),
                ("step", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="metric",
            name="experiments_metric_once",
        ),
        migrations.AddField(
            model_name="experiment",
            name="is_default",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="experiment",
            name="updated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="loggedmodel",
            name="sealed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="loggedmodel",
            name="updated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="metric",
            name="dataset_digest",
            field=models.CharField(max_length=36, null=True),
        ),
        migrations.AddField(
            model_name="metric",
            name="dataset_name",
            field=models.CharField(max_length=500, null=True),
        ),
        migrations.AddField(
            model_name="metric",
            name="model_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="cited_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="user_name",
            field=models.CharField(blank=True, default="", max_length=256),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="name",
            field=models.CharField(max_length=500),
        ),
        migrations.AddIndex(
            model_name="metric",
            index=models.Index(
                condition=models.Q(("model_id__isnull", False)),
                fields=["model_id", "key"],
                name="experiments_metric_of_model",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("team",), name="experiments_one_default_a_team"
            ),
        ),
        migrations.AddConstraint(
            model_name="metric",
            constraint=models.UniqueConstraint(
                fields=("run", "key", "step", "timestamp", "value", "model_id"),
                name="experiments_metric_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddField(
            model_name="runmodel",
            name="logged_model",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="experiments.loggedmodel"
            ),
        ),
        migrations.AddField(
            model_name="runmodel",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="model_links", to="experiments.run"
            ),
        ),
        migrations.AddConstraint(
            model_name="runmodel",
            constraint=models.UniqueConstraint(
                fields=("run", "logged_model", "direction", "step"), name="experiments_run_model_once"
            ),
        ),
        seal_rows(
            "experiments_loggedmodel",
            when="OLD.sealed_at IS NOT NULL",
            allow=("tags", "archived_at", "updated_at", "row_version"),
        ),
        seal_children(
            "experiments_artifact",
            foreign_key="logged_model_id",
            parent="experiments_loggedmodel",
            when="sealed_at IS NOT NULL",
            name="model_sealed",
        ),
    ]
