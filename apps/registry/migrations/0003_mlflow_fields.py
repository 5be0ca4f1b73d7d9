import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation_mail"),
        ("experiments", "0005_mlflow_fields"),
        ("problems", "0003_draft_facts"),
        ("registry", "0002_sealed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="model",
            name="registry_name_once",
        ),
        migrations.AddField(
            model_name="model",
            name="updated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="logged_model",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="experiments.loggedmodel"
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="run_link",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="stage",
            field=models.CharField(
                choices=[("None", "none"), ("Staging", "staging"), ("Archived", "archived")],
                default="None",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="updated_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="model",
            name="name",
            field=models.CharField(max_length=256),
        ),
        migrations.AlterField(
            model_name="modelalias",
            name="name",
            field=models.CharField(max_length=255),
        ),
        migrations.AddConstraint(
            model_name="model",
            constraint=models.UniqueConstraint(
                models.F("team"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("archived_at__isnull", True)),
                name="registry_name_once",
            ),
        ),
        migrations.RunSQL("DROP TRIGGER registry_modelversion_sealed ON registry_modelversion", migrations.RunSQL.noop),
        # A label and the moment of its change are no part of what is sealed.
        seal_rows(
            "registry_modelversion",
            when="OLD.state <> 'UPLOADING'",
            allow=("state", "quarantine_reason", "description", "tags", "row_version", "stage", "updated_at"),
        ),
    ]
