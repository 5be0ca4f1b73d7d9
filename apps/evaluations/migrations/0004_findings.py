from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evaluations", "0003_headline")]

    operations = [
        migrations.AddField("evaluation", "findings", models.JSONField(null=True)),
        migrations.AddField("evaluation", "findings_digest", models.CharField(blank=True, default="", max_length=64)),
        migrations.AddField("evaluation", "flips_sha256", models.CharField(blank=True, default="", max_length=64)),
    ]
