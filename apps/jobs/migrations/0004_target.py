import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_key"), ("compute", "0002_this_machine")]

    operations = [
        migrations.AddField(
            "job",
            "target",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compute.computetarget"
            ),
        ),
        migrations.AddIndex(
            "job",
            models.Index(
                fields=["target", "state"],
                name="jobs_open_by_target",
                condition=models.Q(("state__in", ["QUEUED", "STARTING", "RUNNING"])),
            ),
        ),
    ]
