from django.db import migrations, models

from apps.core.sealing import seal_rows

_SEALED = "OLD.state IN ('SEALED', 'QUARANTINED', 'RECALLED')"


class Migration(migrations.Migration):
    dependencies = [("datasets", "0003_uploads"), ("core", "0004_storedblob")]

    operations = [
        migrations.AddField("datasetversion", "purge_reason", models.TextField(blank=True, default="")),
        migrations.RunSQL(
            "DROP TRIGGER datasets_datasetversion_sealed ON datasets_datasetversion;"
            "DROP TRIGGER datasets_datasetversion_cited ON datasets_datasetversion",
            migrations.RunSQL.noop,
        ),
        seal_rows(
            "datasets_datasetversion",
            when=f"{_SEALED} AND OLD.cited_at IS NULL",
            allow=("state", "purged_at", "purge_reason", "schema", "split", "cited_at", "row_version"),
        ),
        seal_rows(
            "datasets_datasetversion",
            name="cited",
            when=f"{_SEALED} AND OLD.cited_at IS NOT NULL",
            allow=("state", "purged_at", "purge_reason", "row_version"),
        ),
        # A tombstone stays one: neither its moment nor its reason changes.
        seal_rows(
            "datasets_datasetversion", name="purged", when="OLD.purged_at IS NOT NULL", allow=("state", "row_version")
        ),
    ]
