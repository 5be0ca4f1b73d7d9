from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows(
            "datasets_datasetversion",
            when="OLD.state IN ('SEALED', 'QUARANTINED', 'RECALLED') AND OLD.cited_at IS NULL",
            allow=("state", "purged_at", "schema", "split", "cited_at", "row_version"),
        ),
        seal_rows(
            "datasets_datasetversion",
            name="cited",
            when="OLD.state IN ('SEALED', 'QUARANTINED', 'RECALLED') AND OLD.cited_at IS NOT NULL",
            allow=("state", "purged_at", "row_version"),
        ),
    ]
