from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("code", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("code_bundle", when="OLD.state = 'READY'", allow=("archived_at", "row_version")),
        seal_rows(
            "code_environment",
            allow=(
                *("state", "archive_sha256", "archive_size", "size", "job_id", "cause", "built_at", "used_at"),
                *("row_version", "archived_at", "name"),
            ),
        ),
    ]
