from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0002_sealing")]

    operations = [
        migrations.CreateModel(
            name="LongTask",
            fields=[
                ("key", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("RUNNING", "running"), ("DONE", "done"), ("FAILED", "failed")],
                        default="RUNNING",
                        max_length=8,
                    ),
                ),
                ("fraction", models.FloatField(default=0.0)),
                ("text", models.CharField(blank=True, default="", max_length=300)),
                ("url", models.CharField(blank=True, default="", max_length=300)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
    ]
