from django.db import migrations

# Beginning and changing a run as clients do, one call each: apps/experiments/services/calls.py says how they are used.
_BEGIN = """
CREATE FUNCTION experiments_run_begin(
  begun uuid, in_number int8, teams uuid[], run_name text, run_user text, started timestamptz, run_tags jsonb,
  run_notes text, run_code jsonb, by_id uuid, by_label text, moment timestamptz, entry uuid, who jsonb,
  OUT experiment uuid, OUT team uuid
) LANGUAGE plpgsql AS $$
DECLARE
  problem uuid;
BEGIN
  SELECT e.id, e.team_id, e.problem_id INTO experiment, team, problem
    FROM experiments_experiment e
   WHERE e.number = in_number AND e.archived_at IS NULL AND (teams IS NULL OR e.team_id = ANY(teams));
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO experiments_run
    (id, created_at, row_version, team_id, experiment_id, name, user_name, status, source, code, environment,
     started_at, notes, metrics_latest, params, tags, purge_reason, created_by_id, created_by_label)
  VALUES
    (begun, moment, 1, team, experiment, run_name, run_user, 'RUNNING', '', run_code, '{}', started, run_notes, '{}',
     '{}', run_tags, '', by_id, by_label);
  PERFORM audit_append(entry, moment, who, 'run.create', 'experiments.run', begun::text, run_name, team, problem,
                       NULL, NULL);
END $$
"""
_CHANGE = """
CREATE FUNCTION experiments_run_change(
  changed uuid, teams uuid[], own uuid, new_status text, new_name text, new_end timestamptz, moment timestamptz,
  entry uuid, who jsonb,
  OUT id uuid, OUT team_id uuid, OUT experiment_id uuid, OUT number int8, OUT name text, OUT user_name text,
  OUT created_by_label text, OUT job_id uuid, OUT status text, OUT started_at timestamptz, OUT ended_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
  run record;
BEGIN
  SELECT r.status, r.name INTO run
    FROM experiments_run r
   WHERE r.id = changed AND (teams IS NULL OR r.team_id = ANY(teams)) AND (own IS NULL OR r.id = own)
     AND r.sealed_at IS NULL AND r.purged_at IS NULL AND r.deleted_at IS NULL AND r.cited_at IS NULL
     FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE experiments_run r
     SET status = coalesce(new_status, r.status), name = coalesce(new_name, r.name), row_version = r.row_version + 1,
         ended_at = coalesce(new_end, CASE WHEN new_status = 'RUNNING' THEN NULL ELSE r.ended_at END)
   WHERE r.id = changed
  RETURNING r.id, r.team_id, r.experiment_id, r.name, r.user_name, r.created_by_label, r.job_id, r.status,
            r.started_at, r.ended_at
       INTO id, team_id, experiment_id, name, user_name, created_by_label, job_id, status, started_at, ended_at;
  SELECT e.number INTO number FROM experiments_experiment e WHERE e.id = experiment_id;
  IF (status, name) IS DISTINCT FROM (run.status, run.name) THEN
    PERFORM audit_append(entry, moment, who, 'run.update', 'experiments.run', changed::text, name, team_id, NULL,
                         jsonb_build_object('status', run.status, 'name', run.name),
                         jsonb_build_object('status', status, 'name', name));
  END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("experiments", "0012_searches"), ("audit", "0004_append")]

    operations = [
        migrations.RunSQL(_BEGIN, "DROP FUNCTION experiments_run_begin"),
        migrations.RunSQL(_CHANGE, "DROP FUNCTION experiments_run_change"),
    ]
