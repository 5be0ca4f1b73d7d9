from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("gates", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("gates_gateresult"),
    ]
