"""Which metrics, params and tags the runs of an experiment have, and which values: what a filter bar completes."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence

from django.db import connection
from django.db.models import Func, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from apps.core.actors import Actor
from apps.experiments.models import Run

# Params and tags are looked for in the newest runs: with more of them a key is rarely new.
LOOKED_AT = 1_000
KEYS = 500
# From one key to the next through the index of newest values, however many runs have it.
_METRICS = """
WITH RECURSIVE walk(key, n) AS (
    SELECT min(key), 1 FROM experiments_runmetric WHERE experiment_id = %(experiment)s
    UNION ALL
    SELECT (SELECT min(m.key) FROM experiments_runmetric m
            WHERE m.experiment_id = %(experiment)s AND m.key > walk.key), n + 1
    FROM walk WHERE walk.key IS NOT NULL AND n < %(limit)s
)
SELECT key FROM walk WHERE key IS NOT NULL
"""


def metric_keys(experiment_id: uuid.UUID) -> list[str]:
    """The keys of metrics of an experiment that the caller sees, by name, at most 500."""
    with connection.cursor() as cursor:
        cursor.execute(_METRICS, {"experiment": experiment_id, "limit": KEYS})
        return [key for (key,) in cursor.fetchall()]


def document_keys(actor: Actor, experiment_id: uuid.UUID, column: str) -> list[str]:
    """The keys of "params" or "tags" among the newest runs of an experiment, the most frequent first, at most 500."""
    keys = Func(column, function="jsonb_object_keys", output_field=TextField())
    rows = _newest(actor, experiment_id).annotate(key=keys).values_list("key", flat=True)
    return _frequent(rows)


def document_values(actor: Actor, experiment_id: uuid.UUID, column: str, key: str) -> list[str]:
    """The texts under a key of "params" or "tags" among the newest runs, the most frequent first, at most 500."""
    text = Cast(KeyTextTransform(key, column), TextField())
    rows = _newest(actor, experiment_id).filter(**{f"{column}__has_key": key}).annotate(text=text)
    return _frequent(rows.values_list("text", flat=True))


def _newest(actor: Actor, experiment_id: uuid.UUID) -> QuerySet[Run]:
    rows = Run.objects.visible_to(actor).filter(experiment_id=experiment_id).order_by("-started_at", "id")
    return Run.objects.filter(pk__in=rows.values("pk")[:LOOKED_AT])


def _frequent(texts: Sequence[str] | QuerySet[Run, str]) -> list[str]:
    counts = Counter(texts)
    return sorted(counts, key=lambda text: (-counts[text], text))[:KEYS]
