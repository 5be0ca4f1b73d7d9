import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_names_for_clients"), ("datasets", "0004_purge_reason")]

    # The trigger that seals a version keeps every column that it does not name, these too.
    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="brought_on",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="datasets.datasetversion",
            ),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="brought_columns",
            field=models.JSONField(null=True),
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=Q(brought_on__isnull=True, brought_columns__isnull=True)
                | Q(brought_on__isnull=False, brought_columns__isnull=False, manifest=[]),
                name="registry_brought_without_files",
            ),
        ),
    ]
