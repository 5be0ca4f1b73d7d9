"""Runs as tuples, for answers that hold up to 50,000 of them: one statement, and no object of the ORM for a row."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection


class RunRow(NamedTuple):
    """What clients see of a run, under the names that the model has."""

    pk: uuid.UUID
    experiment_number: int
    name: str
    user_name: str
    created_by_label: str
    job_id: uuid.UUID | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    deleted_at: datetime | None
    notes: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics_latest: dict[str, list[Any]]
    # Is there anything to ask for in `run_inputs_of` and `run_models_of`?
    has_inputs: bool
    has_models: bool


_READ = """
SELECT r.id, e.number, r.name, r.user_name, r.created_by_label, r.job_id, r.status, r.started_at, r.ended_at,
       r.deleted_at, r.notes, r.tags, r.params, r.metrics_latest,
       EXISTS (SELECT FROM experiments_runinput i WHERE i.run_id = r.id),
       EXISTS (SELECT FROM experiments_runmodel m WHERE m.run_id = r.id)
  FROM unnest(%s::uuid[]) WITH ORDINALITY AS asked(id, place)
  JOIN experiments_run r USING (id)
  JOIN experiments_experiment e ON e.id = r.experiment_id
 ORDER BY place
"""
_DOCUMENTS = slice(RunRow._fields.index("tags"), RunRow._fields.index("has_inputs"))


def run_rows(ids: Sequence[uuid.UUID]) -> list[RunRow]:
    """The rows of these ids, in their order; one that was removed a moment ago is left out.

    Asks nothing of who may see them: the ids come from a search that did.
    """
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_READ, ["{" + ",".join(map(str, ids)) + "}"])
        rows = cursor.fetchall()
    before, after = _DOCUMENTS.start, _DOCUMENTS.stop
    return [RunRow(*row[:before], *map(orjson.loads, row[_DOCUMENTS]), *row[after:]) for row in rows]
