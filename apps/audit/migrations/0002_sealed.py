from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("audit_auditevent", when="OLD.sequence IS NOT NULL"),
        seal_rows(
            "audit_auditevent",
            name="unsealed",
            when="OLD.sequence IS NULL",
            allow=("sequence", "previous_hash", "hash"),
        ),
    ]
