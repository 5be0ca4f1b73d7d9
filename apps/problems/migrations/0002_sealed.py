from django.db import migrations

from apps.core.sealing import seal_children, seal_rows


class Migration(migrations.Migration):
    dependencies = [("problems", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("problems_problemversion", when="OLD.state = 'SEALED'", allow=("row_version",)),
        seal_children(
            "problems_objective",
            foreign_key="version_id",
            parent="problems_problemversion",
            when="state = 'SEALED'",
        ),
        seal_rows("problems_segmentversion", when="OLD.state <> 'DRAFT'", allow=("state", "row_version")),
    ]
