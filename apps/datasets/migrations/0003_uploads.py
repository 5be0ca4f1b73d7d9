import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.ids

# A sealed version is withdrawn and comes back, but never returns to a state in which it could change.
_MOVES = """
CREATE FUNCTION datasets_version_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.state IN ('SEALED', 'QUARANTINED') AND NEW.state NOT IN ('SEALED', 'QUARANTINED', 'RECALLED'))
     OR (OLD.state = 'RECALLED' AND NEW.state <> 'RECALLED') THEN
    RAISE EXCEPTION 'sealed: a dataset version does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER datasets_version_moves BEFORE UPDATE ON datasets_datasetversion
  FOR EACH ROW EXECUTE FUNCTION datasets_version_moves();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation_mail"),
        ("datasets", "0002_sealed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SegmentSupport",
            fields=[
                (
                    "id",
                    models.UUIDField(default=apps.core.ids.id_new, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("row_version", models.PositiveIntegerField(default=1)),
                ("segments_digest", models.CharField(max_length=64)),
                ("segments", models.JSONField(default=list)),
                ("crossings", models.JSONField(default=list)),
                ("job_id", models.UUIDField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="upload",
            name="parts",
            field=models.JSONField(default=list),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("state", "OPEN")), fields=["expires_at"], name="datasets_upload_open"
            ),
        ),
        migrations.AddField(
            model_name="segmentsupport",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="supports", to="datasets.datasetversion"
            ),
        ),
        migrations.AddConstraint(
            model_name="segmentsupport",
            constraint=models.UniqueConstraint(fields=("version", "segments_digest"), name="datasets_support_once"),
        ),
        migrations.RunSQL(_MOVES, "DROP FUNCTION IF EXISTS datasets_version_moves() CASCADE"),
    ]
