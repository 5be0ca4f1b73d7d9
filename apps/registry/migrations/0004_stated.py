from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_mlflow_fields")]

    # The same files with another signature are another version; one digest over both keeps repetitions out.
    operations = [
        migrations.RemoveConstraint(model_name="modelversion", name="registry_version_of_run_once"),
    ]
