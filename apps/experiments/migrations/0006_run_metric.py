import django.db.models.deletion
from django.db import migrations, models

# What the runs there are measured last; from now on the service that writes the document writes these rows too.
_FILL = """
INSERT INTO experiments_runmetric (run_id, experiment_id, key, value)
SELECT r.id, r.experiment_id, m.key, (m.value ->> 0)::float8
FROM experiments_run r, jsonb_each(r.metrics_latest) m
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0005_mlflow_fields")]

    operations = [
        migrations.AlterField(model_name="run", name="started_at", field=models.DateTimeField()),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["experiment", "-started_at", "id"], name="experiments_runs_begun"),
        ),
        migrations.CreateModel(
            name="RunMetric",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id", "key", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="newest_metrics",
                        to="experiments.run",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.experiment",
                    ),
                ),
                ("key", models.CharField(max_length=250)),
                ("value", models.FloatField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["experiment", "key", "value"], name="experiments_runmetric_walk"),
                ],
            },
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
