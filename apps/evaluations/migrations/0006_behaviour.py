from django.db import migrations, models

from apps.core.sealing import seal_children


class Migration(migrations.Migration):
    dependencies = [
        ("evaluations", "0005_exports"),
        ("problems", "0004_behaviour"),
    ]

    operations = [
        migrations.AddField(
            model_name="evaluation",
            name="behaviour_versions",
            field=models.ManyToManyField(related_name="+", to="problems.behaviourversion"),
        ),
        seal_children(
            "evaluations_evaluation_behaviour_versions",
            foreign_key="evaluation_id",
            parent="evaluations_evaluation",
            when="state <> 'RUNNING'",
        ),
    ]
