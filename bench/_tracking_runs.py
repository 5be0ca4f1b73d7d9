"""Finished runs as clients log them, written at once: five metrics, five params and two tags each."""

from __future__ import annotations

from typing import Any

# In an order that has nothing to do with what is sorted by: random numbers, the same each time.
_RUNS = """
INSERT INTO experiments_run (id, created_at, row_version, team_id, experiment_id, created_by_label, name, user_name,
    status, source, code, environment, started_at, ended_at, notes, metrics_latest, params, tags, purge_reason)
SELECT gen_random_uuid(), now(), 1, e.team_id, e.id, 'bench', 'run ' || n, 'user ' || n %% 20,
    'FINISHED', '', '{}', '{}', t, t + interval '900 ms', '',
    (SELECT jsonb_object_agg('m' || k, jsonb_build_array(random() + 0 * n, 0, 1700000000000 + n))
     FROM generate_series(0, 4) k),
    (SELECT jsonb_object_agg('p' || k, 'v' || floor(random() * 10 + 0 * n)) FROM generate_series(0, 4) k),
    jsonb_build_object('team', 't' || n %% 8, 'mlflow.user', 'user ' || n %% 20), ''
FROM experiments_experiment e, generate_series(1, %s) n,
    LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 second' AS t) moment
WHERE e.number = %s
"""
_METRICS = """
INSERT INTO experiments_metric (run_id, key, value, step, timestamp)
SELECT r.id, m.key, (m.value ->> 0)::float8, 0, (m.value ->> 2)::int8
FROM experiments_run r JOIN experiments_experiment e ON e.id = r.experiment_id, jsonb_each(r.metrics_latest) m
WHERE e.number = %s
"""
_WALKED = """
INSERT INTO experiments_runmetric (run_id, experiment_id, key, value)
SELECT r.id, r.experiment_id, m.key, (m.value ->> 0)::float8
FROM experiments_run r JOIN experiments_experiment e ON e.id = r.experiment_id, jsonb_each(r.metrics_latest) m
WHERE e.number = %s
"""


def runs_seed(cursor: Any, experiment_number: int, count: int) -> None:
    """Fill an empty experiment."""
    cursor.execute("SELECT setseed(0.5)")
    cursor.execute(_RUNS, [count, experiment_number])
    for statement in (_METRICS, _WALKED):
        cursor.execute(statement, [experiment_number])
    cursor.execute("ANALYZE experiments_run, experiments_metric, experiments_runmetric, experiments_runparam")
