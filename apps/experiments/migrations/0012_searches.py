import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

# The rows that tables sorted by a param walk follow the document of the run, whoever writes it.
_FOLLOW = """
CREATE FUNCTION experiments_runparam_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NOT NEW.params @> OLD.params THEN
    DELETE FROM experiments_runparam p USING jsonb_each_text(OLD.params) o
     WHERE p.experiment_id = OLD.experiment_id AND p.key = o.key AND p.value = left(o.value, 250)
       AND p.run_id = OLD.id AND NEW.params ->> o.key IS DISTINCT FROM o.value;
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO experiments_runparam (run_id, experiment_id, key, value)
    SELECT NEW.id, NEW.experiment_id, n.key, left(n.value, 250) FROM jsonb_each_text(NEW.params) n
     WHERE n.value IS NOT NULL;
  ELSE
    INSERT INTO experiments_runparam (run_id, experiment_id, key, value)
    SELECT NEW.id, NEW.experiment_id, n.key, left(n.value, 250)
      FROM jsonb_each_text(NEW.params) n LEFT JOIN jsonb_each_text(OLD.params) o ON o.key = n.key
     WHERE n.value IS NOT NULL AND n.value IS DISTINCT FROM o.value
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER experiments_run_params_new AFTER INSERT ON experiments_run FOR EACH ROW
  WHEN (NEW.params <> '{}') EXECUTE FUNCTION experiments_runparam_follow();
CREATE TRIGGER experiments_run_params_more AFTER UPDATE OF params ON experiments_run FOR EACH ROW
  WHEN (OLD.params IS DISTINCT FROM NEW.params) EXECUTE FUNCTION experiments_runparam_follow();
INSERT INTO experiments_runparam (run_id, experiment_id, key, value)
SELECT r.id, r.experiment_id, e.key, left(e.value, 250)
  FROM experiments_run r, jsonb_each_text(r.params) e WHERE e.value IS NOT NULL;
"""
_LEAVE = """
DROP TRIGGER experiments_run_params_new ON experiments_run;
DROP TRIGGER experiments_run_params_more ON experiments_run;
DROP FUNCTION experiments_runparam_follow();
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0011_run_log")]

    operations = [
        migrations.CreateModel(
            name="RunParam",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "experiment_id",
                        "key",
                        "value",
                        "run_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="walked_params",
                        to="experiments.run",
                    ),
                ),
                (
                    "experiment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="experiments.experiment",
                    ),
                ),
                ("key", models.CharField(max_length=250)),
                ("value", models.CharField(max_length=250)),
            ],
        ),
        migrations.RunSQL(_FOLLOW, _LEAVE),
        migrations.AddIndex(
            model_name="run",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass("params", "jsonb_path_ops"),
                gin_pending_list_limit=256,
                name="experiments_runs_by_param",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass("tags", "jsonb_path_ops"),
                gin_pending_list_limit=256,
                name="experiments_runs_by_tag",
            ),
        ),
    ]
