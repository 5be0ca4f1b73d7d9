"""Experiments with many runs: written to Fairway at once, and copied from there to MLflow's tables."""

from __future__ import annotations

import psycopg

from bench._tracking_runs import runs_seed
from bench._tracking_servers import Both
from bench._tracking_turns import fresh
from bench._tracking_wire import Wire

# MLflow's tables and what goes into them, asked of Fairway's: %(number)s there, %(id)s and %(place)s here.
_RUN = "replace(r.id::text, '-', '')"
_FROM = "FROM experiments_run r JOIN experiments_experiment e ON e.id = r.experiment_id"
_METRICS = f"""SELECT m.key, m.value, m.timestamp, m.step, false, {_RUN}
    {_FROM} JOIN experiments_metric m ON m.run_id = r.id WHERE e.number = %(number)s"""
_MILLIS = "(extract(epoch FROM r.{}) * 1000)::bigint"
COPIES = {
    "runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, "
    "source_version, lifecycle_stage, artifact_uri, experiment_id)": f"""
    SELECT {_RUN}, r.name, 'LOCAL', '', '', r.user_name, r.status, {_MILLIS.format("started_at")},
        {_MILLIS.format("ended_at")}, '', 'active', %(place)s || '/' || {_RUN} || '/artifacts', %(id)s
    {_FROM} WHERE e.number = %(number)s""",
    "metrics (key, value, timestamp, step, is_nan, run_uuid)": _METRICS,
    "latest_metrics (key, value, timestamp, step, is_nan, run_uuid)": _METRICS,
    "params (key, value, run_uuid)": f"""SELECT p.key, p.value, {_RUN}
    {_FROM}, jsonb_each_text(r.params) p WHERE e.number = %(number)s""",
    "tags (key, value, run_uuid)": f"""SELECT t.key, t.value, {_RUN}
    {_FROM}, jsonb_each_text(r.tags || jsonb_build_object('mlflow.runName', r.name)) t WHERE e.number = %(number)s""",
}


class Seeds:
    """Experiments by the number of their runs, made when they are first asked for."""

    def __init__(self, both: Both) -> None:
        self.both = both
        self._ours: dict[int, str] = {}
        self._theirs: dict[int, str] = {}

    def fairway(self, size: int) -> str:
        """The id of Fairway's experiment with so many runs."""
        if size not in self._ours:
            with Wire(self.both.fairway) as wire:
                number = self._ours[size] = wire.experiment(fresh(f"{size} runs"))
            with psycopg.connect(self.both.fairway.database_url, autocommit=True) as connection:
                runs_seed(connection.cursor(), int(number), size)
                _settle(connection)
        return self._ours[size]

    def mlflow(self, size: int) -> str:
        """The id of MLflow's with the same runs."""
        number = self.fairway(size)
        if size not in self._theirs:
            with Wire(self.both.mlflow) as wire:
                made = self._theirs[size] = wire.experiment(fresh(f"{size} runs"))
                place = wire.get("experiments/get", experiment_id=made)["experiment"]["artifact_location"]
            told = {"number": int(number), "id": int(made), "place": place}
            with (
                psycopg.connect(self.both.fairway.database_url) as ours,
                psycopg.connect(self.both.mlflow.database_url, autocommit=True) as theirs,
            ):
                for table, question in COPIES.items():
                    asked = psycopg.ClientCursor(ours).mogrify(question, told)
                    with (
                        ours.cursor().copy(f"COPY ({asked}) TO STDOUT") as rows,
                        theirs.cursor().copy(f"COPY {table} FROM STDIN") as taken,
                    ):
                        for row in rows:
                            taken.write(row)
                _settle(theirs)
        return self._theirs[size]

    def both_of(self, size: int) -> dict[str, str]:
        """{name of the server: id of its experiment with so many runs}."""
        return {"Fairway": self.fairway(size), "MLflow": self.mlflow(size)}


def _settle(connection: psycopg.Connection) -> None:
    """What the database would do by itself within some minutes, so that it does not do it while time is taken."""
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
