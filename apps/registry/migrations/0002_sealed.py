from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows(
            "registry_modelversion",
            when="OLD.state <> 'UPLOADING'",
            allow=("state", "quarantine_reason", "description", "tags", "row_version"),
        ),
    ]
