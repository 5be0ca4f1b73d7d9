from django.db import migrations


def make(apps, schema_editor):
    target = apps.get_model("compute", "ComputeTarget")
    target.objects.get_or_create(
        builtin=True,
        defaults={
            "name": "local",
            "kind": "local",
            "state": "HEALTHY",
            "description": "The machine that the worker runs on.",
        },
    )


class Migration(migrations.Migration):
    dependencies = [("compute", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
