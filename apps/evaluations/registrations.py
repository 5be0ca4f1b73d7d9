"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from apps.core import formats
from apps.core.actors import Actor
from apps.core.links import link_register, page_of, pages_of_owner
from apps.core.registries import Command, Hit, command_register, search_register
from apps.datasets.contracts import data_listener_register, data_panel_register
from apps.evaluations import policies, selectors, services
from apps.evaluations.models import Evaluation, Export, TableJudgement
from apps.evaluations.web.eval_tables import tables_of_run
from apps.evaluations.web.runs import segments_of_runs
from apps.evaluations.web.wear import wear_context
from apps.experiments.contracts import run_panel_register, runs_panel_register
from apps.jobs.contracts import Fact, JobKind, job_kind_register
from apps.problems import selectors as problems
from apps.registry.contracts import version_panel_register

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.jobs.models import Job
    from apps.registry.models import ModelVersion


def _finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    evaluation = services.evaluation_finish(job, result, outputs)
    return {"label": f"Evaluation {evaluation.number}: {evaluation.headline}", "url": _url(evaluation.pk)}


def _url(pk: uuid.UUID | str) -> str:
    return reverse("evaluation-detail", args=[pk])


def _of_job(job: Job) -> Evaluation | None:
    return Evaluation.objects.filter(job_id=job.pk).defer("report", "findings").first()


def _subject_url(job: Job) -> str:
    evaluation = _of_job(job)
    return _url(evaluation.pk) if evaluation is not None else ""


def _facts(actor: Actor, job: Job) -> list[Fact]:
    evaluation = selectors.evaluation_list(actor).filter(job_id=job.pk).first()
    if evaluation is None:
        return []
    version, baseline, data = evaluation.model_version, evaluation.baseline_version, evaluation.dataset_version
    against = (
        Fact("Against", str(baseline), reverse("version-detail", args=[baseline.pk]))
        if baseline is not None
        else Fact("Against", "nothing: there is no other version yet")
    )
    return [
        *_changed_since(actor, job, evaluation),
        Fact("Evaluation", f"Evaluation {evaluation.number}", _url(evaluation.pk)),
        Fact("Version", str(version), reverse("version-detail", args=[version.pk])),
        against,
        Fact(
            "Data",
            f"{data}, {'all its rows' if job.spec.get('part') == 'all' else 'its test part'}",
            reverse("dataset-version-detail", args=[data.pk]),
        ),
        Fact("Threshold", formats.num(evaluation.threshold) if evaluation.threshold is not None else "none", mono=True),
    ]


def _changed_since(actor: Actor, job: Job, evaluation: Evaluation) -> list[Fact]:
    """What a retry asks otherwise than the evaluation that failed."""
    if job.retry_of_id is None:
        return []
    failed = selectors.evaluation_list(actor).filter(job_id=job.retry_of_id).first()
    if failed is None:
        return []
    changes = []
    then, now = failed.problem_version, evaluation.problem_version
    if then.pk != now.pk:
        changes.append(f"problem version {now.number}, then {then.number}")
    elif set(failed.segment_versions.all()) != set(evaluation.segment_versions.all()):
        changes.append("the segments were changed")
    if failed.baseline_version_id != evaluation.baseline_version_id:
        changes.append(
            f"against {evaluation.baseline_version or 'nothing'}, then {failed.baseline_version or 'nothing'}"
        )
    words = "; ".join(changes) or "nothing"
    return [Fact(f"Changed since evaluation {failed.number}", words, _url(failed.pk))]


def _search(actor: Actor, text: str, limit: int) -> Iterator[Hit]:
    for evaluation in selectors.evaluation_search(actor, text, limit):
        yield Hit(
            "evaluation",
            f"Evaluation {evaluation.number}: {evaluation.model_version}",
            evaluation.headline or evaluation.get_state_display(),
            _url(evaluation.pk),
            "scale",
        )


def _export_finish(job: Job, result: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    export = services.export_finish(job, result, outputs)
    return {"label": str(export), "url": reverse("evaluation-exports", args=[export.evaluation_id])}


def _export_facts(actor: Actor, job: Job) -> list[Fact]:
    export = selectors.export_of_job(actor, job.pk)
    if export is None:
        return []
    label = f"Evaluation {export.evaluation.number}"
    return [
        Fact("Evaluation", label, _url(export.evaluation_id)),
        Fact("Format", export.get_format_display()),
        Fact("Report", export.report_digest[:12], mono=True),
    ]


def _evaluations_of_exports(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    return dict(Export.objects.filter(pk__in=ids).values_list("pk", "evaluation_id"))


def _runs_of_tables(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    return dict(TableJudgement.objects.filter(pk__in=ids).values_list("pk", "run_id"))


def _may_launch(actor: Actor) -> bool:
    teams = actor.team_ids("job.run")
    return teams is None or bool(teams)


def _version_panel(actor: Actor, version: ModelVersion) -> Mapping[str, Any]:
    """The newest evaluations of a version, and the button that makes one."""
    rows = list(selectors.evaluation_list(actor, model_version_id=version.pk).order_by("-id")[:4])
    running = next((row for row in rows if row.state == Evaluation.State.RUNNING), None)
    return {
        "evaluations": rows[:3],
        "evaluations_more": len(rows) > 3,
        "evaluation_newest": next((row for row in rows if row.state == Evaluation.State.COMPLETE), None),
        "evaluation_running": running,
        "can_evaluate": version.state == "SEALED"
        and version.model.problem_id is not None
        and policies.evaluation_launch(actor, version.team_id),
    }


def _data_panel(actor: Actor, version: DatasetVersion) -> Mapping[str, Any] | None:
    """Wear of a dataset version's test part, by the margins of its problem."""
    problem = version.dataset.problem
    agreed = problems.version_current(problem) if problem is not None else None
    margin = selectors.wear_margin(problems.objective_list(agreed) if agreed is not None else ())
    return wear_context(version.pk, margin)


def register() -> None:
    """The job kinds with their callbacks, links, search, command, and the card of the version page."""
    job_kind_register(
        JobKind(
            "evaluate",
            title="Evaluation",
            on_finish=_finish,
            on_fail=services.evaluation_fail,
            on_retry=services.evaluation_retry,
            retry_note="A retry judges the same version on the same data by what holds now: the problem’s version, its "
            "segments and costs, and the version that is live (or the one that was chosen to compare with).",
            subject_url=_subject_url,
            facts=_facts,
        )
    )
    job_kind_register(
        JobKind(
            "export",
            title="Export",
            on_finish=_export_finish,
            on_fail=services.export_fail,
            on_retry=services.export_retry,
            retry_note="A retry makes the same file of the same evaluation.",
            subject_url=lambda job: reverse("evaluation-exports", args=[job.subject_id]) if job.subject_id else "",
            facts=_export_facts,
            verbs=policies.TAKING_PART,
        )
    )
    link_register("evaluations.export", pages_of_owner("evaluation-exports", _evaluations_of_exports), word="export")
    link_register("evaluations.tablejudgement", pages_of_owner("run-detail", _runs_of_tables), word="evaluation table")
    link_register("evaluations.evaluation", page_of("evaluation-detail"), word="evaluation")
    search_register("evaluation", _search)
    command_register(Command("Go to evaluations", "evaluation-list", "scale"))
    command_register(Command("Evaluate a version", "evaluation-launch", "scale", visible=_may_launch))
    data_listener_register(services.tables_settle)
    run_panel_register("evaluations/_run_tables.html", tables_of_run)
    data_panel_register("evaluations/_wear.html", _data_panel)
    runs_panel_register("evaluations/_runs_panel.html", segments_of_runs)
    version_panel_register("evaluations/_version_panel.html", _version_panel, place="main", order=20)
