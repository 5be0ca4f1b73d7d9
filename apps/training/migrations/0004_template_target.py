import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compute", "0002_this_machine"),
        ("training", "0003_code"),
    ]

    operations = [
        # It named an executor, and only "local" was known.
        migrations.RemoveField(model_name="launchtemplate", name="target"),
        migrations.AddField(
            model_name="launchtemplate",
            name="target",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="compute.computetarget"
            ),
        ),
    ]
