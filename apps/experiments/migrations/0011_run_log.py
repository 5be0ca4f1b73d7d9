import django.db.models.deletion
from django.db import migrations, models

# One call per logged batch, and its plans are kept: apps/experiments/services/measurements.py says how it is used.
_RUN_LOG = """
CREATE FUNCTION experiments_run_log(
  logged uuid, teams uuid[], own uuid,
  keys text[], at_key int4[], at_value float8[], at_step int8[], at_time int8[],
  at_model uuid[], at_dataset text[], at_digest text[],
  newest jsonb, new_params jsonb, new_tags jsonb
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  run record;
  changed jsonb;
BEGIN
  SELECT r.experiment_id, r.metrics_latest, r.params, r.deleted_at IS NOT NULL AS deleted,
         r.sealed_at IS NOT NULL OR r.purged_at IS NOT NULL AS closed
    INTO run
    FROM experiments_run r
   WHERE r.id = logged AND (teams IS NULL OR r.team_id = ANY(teams)) AND (own IS NULL OR r.id = own)
     FOR NO KEY UPDATE;
  IF NOT FOUND OR run.deleted OR (run.closed AND (newest IS NOT NULL OR new_params IS NOT NULL)) THEN
    RETURN false;
  END IF;
  IF new_params IS NOT NULL AND EXISTS (
    SELECT FROM jsonb_each(new_params) n WHERE run.params -> n.key <> n.value
  ) THEN
    RETURN false;
  END IF;
  IF newest IS NOT NULL THEN
    INSERT INTO experiments_metric
      (run_id, key, value, step, timestamp, model_id, dataset_name, dataset_digest)
    SELECT logged, keys[p.k], p.v, p.s, p.t, p.m, p.n, p.d
      FROM unnest(at_key, at_value, at_step, at_time, at_model, at_dataset, at_digest) AS p(k, v, s, t, m, n, d)
    ON CONFLICT DO NOTHING;
    -- The newest of a key is that of the largest step, then time, then value, where NaN counts as 0.
    SELECT jsonb_object_agg(n.key, n.value) INTO changed
      FROM jsonb_each(newest) n LEFT JOIN LATERAL (SELECT run.metrics_latest -> n.key AS latest) h ON true
     WHERE h.latest IS NULL OR
           ((n.value ->> 1)::int8, (n.value ->> 2)::int8, coalesce(nullif((n.value ->> 0)::float8, 'NaN'), 0)) >
           ((h.latest ->> 1)::int8, (h.latest ->> 2)::int8, coalesce(nullif((h.latest ->> 0)::float8, 'NaN'), 0));
  END IF;
  IF changed IS NOT NULL THEN
    -- What searches walk.
    INSERT INTO experiments_runmetric (run_id, experiment_id, key, value)
    SELECT logged, run.experiment_id, n.key, (n.value ->> 0)::float8 FROM jsonb_each(changed) n
    ON CONFLICT (run_id, key) DO UPDATE SET value = EXCLUDED.value
     WHERE experiments_runmetric.value IS DISTINCT FROM EXCLUDED.value;
  END IF;
  IF changed IS NOT NULL OR new_params IS NOT NULL OR new_tags IS NOT NULL THEN
    UPDATE experiments_run r
       SET metrics_latest = CASE WHEN changed IS NULL THEN r.metrics_latest ELSE r.metrics_latest || changed END,
           params = CASE WHEN new_params IS NULL THEN r.params ELSE r.params || new_params END,
           tags = CASE WHEN new_tags IS NULL THEN r.tags ELSE r.tags || new_tags END
     WHERE r.id = logged;
  END IF;
  RETURN true;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0010_runs_counted")]

    operations = [
        migrations.AlterField(
            model_name="metric",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="experiments.run",
            ),
        ),
        migrations.AlterField(
            model_name="runmetric",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="newest_metrics",
                to="experiments.run",
            ),
        ),
        migrations.AlterField(
            model_name="runmetric",
            name="experiment",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="experiments.experiment",
            ),
        ),
        migrations.RunSQL(_RUN_LOG, "DROP FUNCTION experiments_run_log"),
    ]
