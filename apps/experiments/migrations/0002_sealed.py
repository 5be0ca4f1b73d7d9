from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("experiments", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows(
            "experiments_run",
            when="OLD.sealed_at IS NOT NULL",
            allow=("tags", "notes", "deleted_at", "archived_at", "row_version"),
        ),
        seal_rows("experiments_metric"),
    ]
