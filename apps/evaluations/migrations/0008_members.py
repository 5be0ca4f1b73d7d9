from django.db import migrations, models

from apps.core.sealing import seal_children


class Migration(migrations.Migration):
    dependencies = [
        ("evaluations", "0007_proposals"),
        ("registry", "0006_brought"),
    ]

    operations = [
        migrations.AddField(
            model_name="evaluation",
            name="member_versions",
            field=models.ManyToManyField(related_name="+", to="registry.modelversion"),
        ),
        seal_children(
            "evaluations_evaluation_member_versions",
            foreign_key="evaluation_id",
            parent="evaluations_evaluation",
            when="state <> 'RUNNING'",
        ),
    ]
