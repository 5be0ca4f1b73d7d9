from django.db import migrations, models

# The best that is known of what was sent before.
_FILL = "UPDATE webhooks_delivery SET attempted_at = COALESCE(finished_at, created_at) WHERE attempts > 0"


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]

    operations = [
        migrations.AddField("delivery", "attempted_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "-attempted_at"], name="webhooks_delivery_tried"),
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
