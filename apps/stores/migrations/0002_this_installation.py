import uuid

from django.db import migrations

OWN = uuid.UUID(int=1)


def make(apps, schema_editor):
    backend = apps.get_model("stores", "StorageBackend")
    backend.objects.get_or_create(
        pk=OWN,
        defaults={
            "name": "this-installation",
            "kind": "EMBEDDED",
            "builtin": True,
            "state": "HEALTHY",
            "description": "Where this installation keeps files by itself (STORAGE_URL).",
        },
    )


class Migration(migrations.Migration):
    dependencies = [("stores", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
