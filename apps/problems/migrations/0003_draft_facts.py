import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.sealing import seal_children

_OTHER_PERSON = """
CREATE FUNCTION problems_version_other_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM problems_problemversion_edited_by
             WHERE problemversion_id = NEW.id AND user_id = NEW.accepted_by_id) THEN
    RAISE EXCEPTION 'a problem version is not accepted by who edited it'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER problems_version_other_person BEFORE INSERT OR UPDATE ON problems_problemversion
  FOR EACH ROW WHEN (NEW.state = 'SEALED') EXECUTE FUNCTION problems_version_other_person();
"""
# A sealed meaning may only retire; going back to draft would open it for changes.
_SEGMENT_MOVES = """
CREATE FUNCTION problems_segment_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.state = 'SEALED' AND NEW.state = 'DRAFT') OR (OLD.state = 'RETIRED' AND NEW.state <> 'RETIRED') THEN
    RAISE EXCEPTION 'sealed: a segment version does not go from % to %', OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER problems_segment_moves BEFORE UPDATE ON problems_segmentversion
  FOR EACH ROW EXECUTE FUNCTION problems_segment_moves();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("problems", "0002_sealed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="problem",
            name="state_before",
            field=models.CharField(blank=True, default="", max_length=12),
        ),
        migrations.AddField(
            model_name="problemversion",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="problemversion",
            name="returned_reason",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="problemversion",
            name="risk_class",
            field=models.CharField(
                blank=True, choices=[("LOW", "low"), ("MEDIUM", "medium"), ("HIGH", "high")], default="", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="problemversion",
            name="segment_versions",
            field=models.ManyToManyField(related_name="+", to="problems.segmentversion"),
        ),
        migrations.RunSQL(_OTHER_PERSON, "DROP FUNCTION IF EXISTS problems_version_other_person() CASCADE"),
        migrations.RunSQL(_SEGMENT_MOVES, "DROP FUNCTION IF EXISTS problems_segment_moves() CASCADE"),
        seal_children(
            "problems_problemversion_edited_by",
            foreign_key="problemversion_id",
            parent="problems_problemversion",
            when="state = 'SEALED'",
        ),
        seal_children(
            "problems_problemversion_segment_versions",
            foreign_key="problemversion_id",
            parent="problems_problemversion",
            when="state = 'SEALED'",
        ),
    ]
