from django.db import migrations

from apps.core.sealing import seal_rows


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_initial"), ("core", "0002_sealing")]

    operations = [
        seal_rows("deployments_trafficsplit"),
        # Partitioned by day, which Django cannot say; a beat task makes the days ahead, and the default
        # partition catches what no day takes.
        migrations.RunSQL(
            """
            CREATE TABLE deployments_predictionlog (
              id uuid NOT NULL,
              at timestamptz NOT NULL,
              deployment_id uuid NOT NULL,
              version_id uuid,
              status smallint NOT NULL,
              inputs jsonb,
              output jsonb,
              score double precision,
              latency_ms double precision NOT NULL,
              row_digest varchar(64) NOT NULL DEFAULT '',
              token_hint varchar(12) NOT NULL DEFAULT '',
              error varchar(300) NOT NULL DEFAULT '',
              PRIMARY KEY (at, id)
            ) PARTITION BY RANGE (at);
            CREATE TABLE deployments_predictionlog_rest PARTITION OF deployments_predictionlog DEFAULT;
            CREATE INDEX deployments_predictionlog_newest ON deployments_predictionlog (deployment_id, at DESC);
            """,
            "DROP TABLE deployments_predictionlog",
        ),
        seal_rows("deployments_predictionlog"),
    ]
