from django.db import migrations, models


def first_row(apps, schema_editor):
    apps.get_model("deployments", "RoutesState").objects.get_or_create(id=1)


class Migration(migrations.Migration):
    dependencies = [("deployments", "0002_sealed")]

    operations = [
        migrations.CreateModel(
            name="RoutesState",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("serial", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="deployments_one_routes_state")
                ]
            },
        ),
        migrations.RunPython(first_row, migrations.RunPython.noop),
    ]
