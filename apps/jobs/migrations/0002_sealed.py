from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("jobs_logchunk"),
        seal_rows("jobs_jobevent"),
    ]
