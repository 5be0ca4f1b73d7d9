import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0003_long_task")]

    operations = [
        migrations.CreateModel(
            name="StoredBlob",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("size", models.BigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("checked_at", models.DateTimeField(null=True)),
                (
                    "fault",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "none"),
                            ("FLIPPED", "bytes differ from their hash"),
                            ("MISSING", "not in the store"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["written_at"], name="core_blob_written"),
                    models.Index(
                        condition=models.Q(("fault", ""), _negated=True), fields=["fault"], name="core_blob_faults"
                    ),
                ],
            },
        ),
    ]
