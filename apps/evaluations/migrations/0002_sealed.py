from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows(
            "evaluations_evaluation",
            when="OLD.state <> 'RUNNING'",
            allow=("archived_at", "row_version"),
        ),
    ]
