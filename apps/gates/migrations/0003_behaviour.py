import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_found_at_once"),
        ("evaluations", "0006_behaviour"),
        ("gates", "0002_sealed"),
        ("problems", "0004_behaviour"),
    ]

    operations = [
        migrations.AddField(
            model_name="gateresult",
            name="behaviour",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="problems.behaviourversion"
            ),
        ),
        migrations.AlterField(
            model_name="gateresult",
            name="objective",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="problems.objective"
            ),
        ),
        migrations.AddConstraint(
            model_name="gateresult",
            constraint=models.UniqueConstraint(fields=("evaluation", "behaviour"), name="gates_behaviour_once"),
        ),
        migrations.AddConstraint(
            model_name="gateresult",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("behaviour__isnull", True), ("objective__isnull", False)),
                    models.Q(("behaviour__isnull", False), ("objective__isnull", True)),
                    _connector="OR",
                ),
                name="gates_judges_one",
            ),
        ),
    ]
