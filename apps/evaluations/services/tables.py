"""Evaluation tables that MLflow's client logged with a run: read by a job, then judged by segment like any others.

The web opens no such file. It becomes a version of a dataset of the problem; the child that makes its profile parses
it, and when that version is sealed what was asked is done in the name of who asked.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.accounts import selectors as accounts
from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.blobs import BlobRef
from apps.core.errors import Conflict, FairwayError, Invalid, NotFound
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.datasets.contracts import DataChange, DataChangeKind
from apps.evaluations import policies
from apps.evaluations.models import TableJudgement
from apps.evaluations.services.predictions import predictions_judge
from apps.evaluations.services.row_columns import RowColumns
from apps.experiments import selectors as experiments
from apps.lineage.services import edge_add
from apps.problems import selectors as problems
from apps.registry import services as registry

if TYPE_CHECKING:
    from apps.datasets.models import Dataset, DatasetVersion
    from apps.problems.models import Problem

TABLE_FILE: Final = "eval_results_table.json"
FORMAT: Final = "json"
MOST_BYTES: Final = 256 * 1024**2
OPEN_STATES: Final = ("PROFILING",)


def table_judge(
    *,
    actor: Actor,
    run_id: uuid.UUID,
    path: str = TABLE_FILE,
    problem_id: uuid.UUID | None = None,
    brought: registry.Brought,
    row_columns: RowColumns | None = None,
) -> TableJudgement:
    """Have an evaluation table of a run read, and judged by segment as soon as it has been.

    The problem is that of the run's experiment unless another is named. What the columns do not hold is said on the
    judgement once the table has been read. Raises NotFound, Forbidden, Invalid at the field, Conflict.
    """
    run = experiments.run_get(actor, run_id)
    require(
        policies.predictions_judge(actor, run.team_id),
        "Judging a run's evaluation table takes a data scientist's role in the team: it runs a job and registers a "
        "version.",
    )
    file = experiments.artifact_find(path, run_id=run.pk)
    if not path.rpartition("/")[2].endswith(TABLE_FILE):
        raise Invalid.field("path", f"Only an evaluation table is judged: a file whose name ends in “{TABLE_FILE}”.")
    if run.purged_at is not None:
        raise Conflict("The bytes of the run's files were removed.", code="purged")
    if file.size > MOST_BYTES:
        raise Invalid.field("path", f"A table as JSON may have at most {MOST_BYTES // 1024**2} MiB.")
    problem = _problem(actor, run, problem_id)
    columns = row_columns or RowColumns()
    with transaction.atomic():
        dataset = _dataset(actor, problem)
        version, _ = dataset_services.version_make(
            actor=actor,
            dataset_id=dataset.pk,
            filename=path.rpartition("/")[2],
            kind=FORMAT,
            ref=BlobRef(file.sha256, file.size),
        )
        # The job that reads the table ends with this row locked: it then sees what waits, or this sees that it is over.
        version = dataset_services.version_lock(actor, version.pk)
        edge_add(subject=version, relation="DERIVED_FROM", thing=run, team_id=run.team_id)
        judgement: TableJudgement = TableJudgement.objects.create(
            team_id=run.team_id,
            run=run,
            path=path,
            dataset_version=version,
            problem=problem,
            said={
                "name": brought.name,
                "column": brought.column,
                "score_prefix": brought.score_prefix,
                "threshold": brought.threshold,
                "weight": columns.weight,
                "query": columns.query,
            },
            created_by_id=actor.id if actor.is_person else None,
            created_by_label=actor.label,
        )
        audit_record(
            actor=actor,
            action="table.judge",
            thing=judgement,
            problem_id=problem.pk,
            after={"run": str(run.pk), "path": path, "data": str(version)},
        )
        if version.state not in OPEN_STATES:
            _settle(judgement, actor, version)
    return judgement


def _problem(actor: Actor, run: Any, problem_id: uuid.UUID | None) -> Problem:
    """An accepted problem of the run's team. Raises NotFound, Invalid at the field."""
    wanted = problem_id or run.experiment.problem_id
    if wanted is None:
        raise Invalid.field("problem_id", "Say whose question the table answers: the run's experiment has no problem.")
    problem = problems.problem_get(actor, wanted)
    if problem.team_id != run.team_id:
        raise NotFound("There is no such problem in the run's team.")
    if problems.version_current(problem) is None:
        raise Invalid.field("problem_id", "The problem is not accepted yet, so nothing says what to measure.")
    return problem


def _dataset(actor: Actor, problem: Problem) -> Dataset:
    """The dataset that keeps a problem's evaluation tables, made when there is none."""
    name = f"{problem.name[:80]}, MLflow evaluations"
    found = datasets.dataset_list(actor, team_id=problem.team_id).filter(name=name, problem=problem).first()
    return found or dataset_services.dataset_create(
        actor=actor,
        team_id=problem.team_id,
        name=name,
        problem_id=problem.pk,
        source="Evaluation tables that MLflow's client logged with runs.",
    )


def tables_settle(change: DataChange) -> None:
    """Called when a dataset version was read or could not be: what waits for it is judged or refused."""
    if change.kind not in (DataChangeKind.SEALED, DataChangeKind.FAILED):
        return
    waiting = TableJudgement.objects.select_for_update(of=("self",)).filter(
        dataset_version_id=change.version_id, state=TableJudgement.State.WAITING
    )
    for judgement in waiting.select_related("run", "created_by", "dataset_version__dataset").order_by("id"):
        person = judgement.created_by
        actor = accounts.actor_of_user(person) if person is not None else Actor.anonymous("")
        _settle(judgement, actor, judgement.dataset_version)


def _settle(judgement: TableJudgement, actor: Actor, version: DatasetVersion) -> None:
    """Judge a table that was read, or keep the sentence that says why not."""
    said = judgement.said
    if version.state == "FAILED":
        _refuse(judgement, (version.error or {}).get("message") or "The table could not be read.")
        return
    try:
        with transaction.atomic():
            _truth_check(judgement, version)
            evaluation = predictions_judge(
                actor=actor,
                dataset_version_id=version.pk,
                brought=registry.Brought(said["name"], said["column"], said["score_prefix"], said["threshold"]),
                row_columns=RowColumns(said["weight"], said["query"]),
            )
    except FairwayError as refusal:
        texts = [text for texts in (refusal.fields or {}).values() for text in texts] or [refusal.detail]
        _refuse(judgement, f"{' '.join(texts)} {_held(version)}".strip())
        return
    judgement.evaluation, judgement.state = evaluation, TableJudgement.State.JUDGED
    judgement.save(update_fields=["evaluation", "state"])


def _truth_check(judgement: TableJudgement, version: DatasetVersion) -> None:
    """Raises Invalid for a table without the truth, or without the column of answers, in words of the table."""
    agreed = problems.version_current(judgement.problem)
    names = {str(one["name"]) for one in version.schema}
    if agreed is not None and agreed.target not in names:
        raise Invalid.field(
            "truth",
            f"The table has no column “{agreed.target}”, which holds the truth of this problem. Log it as targets.",
        )
    column = judgement.said["column"]
    if column and column not in names:
        raise Invalid.field("column", f"The table has no column “{column[:100]}” with the model's answers.")


def _held(version: DatasetVersion) -> str:
    names = [f"“{one['name']}”" for one in version.schema[:12]]
    more = f" and {len(version.schema) - 12} more" if len(version.schema) > 12 else ""
    return f"It has {', '.join(names)}{more}." if names else ""


def _refuse(judgement: TableJudgement, cause: str) -> None:
    judgement.state, judgement.cause = TableJudgement.State.REFUSED, cause[:2000]
    judgement.save(update_fields=["state", "cause"])
    audit_record(
        actor=Actor.system("evaluation"),
        action="table.refuse",
        thing=judgement,
        problem_id=judgement.problem_id,
        reason=cause[:2000],
    )
