from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("experiments", "0002_sealed")]

    operations = [
        # MLflow clients address experiments by a decimal id; 0 stays free as the alias of a team's default.
        migrations.RunSQL("CREATE SEQUENCE experiments_number START 1", "DROP SEQUENCE IF EXISTS experiments_number")
    ]
