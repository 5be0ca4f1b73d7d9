from django.db import migrations

from apps.core.sealing import seal_function


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        seal_function(),
    ]
