from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_sealed")]

    operations = [
        migrations.AddField("job", "idempotency_key", models.CharField(max_length=200, null=True)),
        migrations.AddConstraint(
            "job", models.UniqueConstraint(fields=("team", "idempotency_key"), name="jobs_key_once")
        ),
    ]
