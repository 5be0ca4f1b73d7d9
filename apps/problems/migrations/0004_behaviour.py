import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import apps.core.ids
from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_found_at_once"),
        ("problems", "0003_draft_facts"),
        ("core", "0002_sealing"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BehaviourTest",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("created_by_label", models.CharField(blank=True, default="", max_length=200)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                ("name", models.CharField(max_length=120)),
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
                    "problem",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="behaviour_tests",
                        to="problems.problem",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BehaviourVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("INVARIANCE", "a change that must not matter"),
                            ("DIRECTION", "a change that must move the score one way"),
                            ("LEAST_FUNCTION", "rows whose answer is plain"),
                        ],
                        max_length=16,
                    ),
                ),
                ("why", models.CharField(max_length=500)),
                ("critical", models.BooleanField(default=False)),
                ("definition", models.JSONField(default=dict)),
                ("created_by_label", models.CharField(blank=True, default="", max_length=200)),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="problems.behaviourtest",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="behaviourtest",
            constraint=models.UniqueConstraint(
                models.F("problem"), django.db.models.functions.text.Lower("name"), name="problems_behaviour_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="behaviourversion",
            constraint=models.UniqueConstraint(fields=("test", "number"), name="problems_behaviourversion_once"),
        ),
        seal_rows("problems_behaviourtest", allow=("archived_at", "created_by_id", "row_version")),
        seal_rows("problems_behaviourversion"),
    ]
