from django.db import migrations, models

from apps.core.sealing import seal_children, seal_rows


class Migration(migrations.Migration):
    dependencies = [("experiments", "0003_number"), ("core", "0004_storedblob")]

    operations = [
        migrations.AddField("run", "purged_at", models.DateTimeField(null=True)),
        migrations.AddField("run", "purge_reason", models.TextField(blank=True, default="")),
        migrations.RunSQL("DROP TRIGGER experiments_run_sealed ON experiments_run", migrations.RunSQL.noop),
        seal_rows(
            "experiments_run",
            when="OLD.sealed_at IS NOT NULL",
            allow=("tags", "notes", "deleted_at", "archived_at", "row_version", "purged_at", "purge_reason"),
        ),
        # A tombstone stays one: neither its moment nor its reason changes.
        seal_rows(
            "experiments_run",
            name="purged",
            when="OLD.purged_at IS NOT NULL",
            allow=("tags", "notes", "deleted_at", "archived_at", "row_version", "sealed_at"),
        ),
        seal_children(
            "experiments_artifact",
            foreign_key="run_id",
            parent="experiments_run",
            when="sealed_at IS NOT NULL OR purged_at IS NOT NULL",
        ),
    ]
