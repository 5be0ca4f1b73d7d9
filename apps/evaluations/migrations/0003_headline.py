from django.db import migrations, models

from apps.core.sealing import seal_children


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0002_sealed")]

    operations = [
        migrations.AddField("evaluation", "headline", models.TextField(blank=True, default="")),
        migrations.AddField("evaluation", "tone", models.CharField(blank=True, default="", max_length=8)),
        seal_children(
            "evaluations_evaluation_segment_versions",
            foreign_key="evaluation_id",
            parent="evaluations_evaluation",
            when="state <> 'RUNNING'",
        ),
    ]
