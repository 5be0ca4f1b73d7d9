"""Reading the evaluation tables of MLflow runs, and what became of those that somebody had judged."""

from __future__ import annotations

import uuid
from typing import Final

from django.db.models import QuerySet

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.evaluations.models import TableJudgement
from apps.experiments import selectors as experiments

MOST_TABLES: Final = 20
TABLE_FILE: Final = "eval_results_table.json"


def table_paths(run_id: uuid.UUID) -> list[str]:
    """The evaluation tables among a run's files, those in no folder first."""
    rows = experiments.artifact_list(run_id=run_id).filter(path__endswith=TABLE_FILE)
    found = rows.values_list("path", flat=True)[:MOST_TABLES]
    return sorted(found, key=lambda path: (path.count("/"), path))


def judgement_list(actor: Actor, run_id: uuid.UUID) -> QuerySet[TableJudgement]:
    """Tables of a run that were asked to be judged."""
    rows = TableJudgement.objects.visible_to(actor).filter(run_id=run_id)
    return rows.select_related("evaluation", "dataset_version").only(
        *(
            "path",
            "state",
            "cause",
            "run_id",
            "team_id",
            "problem_id",
            "created_at",
            "created_by_label",
            "evaluation_id",
        ),
        *("evaluation__number", "evaluation__state", "evaluation__headline", "dataset_version__state"),
        *("dataset_version__job_id", "dataset_version__number"),
    )


def judgement_get(actor: Actor, pk: uuid.UUID) -> TableJudgement:
    """Raises NotFound."""
    found: TableJudgement | None = TableJudgement.objects.visible_to(actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such evaluation table, or you may not see it.")
    return found
