from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("reviews_decision"),
        seal_rows("reviews_requestmessage"),
    ]
