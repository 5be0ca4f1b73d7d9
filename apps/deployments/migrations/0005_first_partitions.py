from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deployments", "0004_rollout_stopped")]

    operations = [
        # The week that begins with the installation; later days are made by a beat task. A day whose rows lie in
        # the default partition already stays there.
        migrations.RunSQL(
            """
            DO $$
            DECLARE day date := (now() AT TIME ZONE 'UTC')::date;
            BEGIN
              FOR i IN 0..6 LOOP
                BEGIN
                  EXECUTE format(
                    'CREATE TABLE deployments_predictionlog_%s PARTITION OF deployments_predictionlog '
                    'FOR VALUES FROM (%L) TO (%L)',
                    to_char(day + i, 'YYYYMMDD'), (day + i)::text || ' 00:00+00', (day + i + 1)::text || ' 00:00+00');
                EXCEPTION WHEN check_violation OR duplicate_table THEN
                  NULL;
                END;
              END LOOP;
            END $$;
            """,
            migrations.RunSQL.noop,
        ),
    ]
