"""What an evaluation asks: which version, on which rows, against which other, and what the child is told."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.contracts.metrics import RANKING
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.policies import require
from apps.datasets import selectors as datasets
from apps.evaluations import policies
from apps.evaluations.selectors import criteria_limits_of, cutoffs_of, margins_of
from apps.evaluations.selectors.reading import TRIVIAL_RECIPES
from apps.evaluations.services.extras import Extras
from apps.evaluations.services.members import FIELD as MEMBERS
from apps.evaluations.services.members import Company, members_get
from apps.evaluations.services.row_columns import RowColumns
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from workers.contracts.answers import AnswerColumns

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import BehaviourVersion, Problem, ProblemVersion
    from apps.registry.models import ModelVersion

BASELINE_RECIPES = TRIVIAL_RECIPES
TEST, ALL = PARTS = ("test", "all")
MOST_NAMED = 10


def _usable(version: ModelVersion, field: str) -> None:
    if version.state != "SEALED":
        raise Conflict(
            f"{version} is {version.get_state_display()}"
            + (f": {version.quarantine_reason}" if version.quarantine_reason else "")
            + ". Only a sealed version is loaded.",
            code=f"{field}_not_sealed",
        )
    gap = registry.signature_missing(version)
    if gap and version.brought_on_id is None:
        raise Conflict(f"{version} cannot be evaluated. {gap}", code=f"{field}_without_signature")


def _part(version: ModelVersion, part: str | None) -> str:
    """Which rows: what is loaded has learnt from the others, what was brought says of all of them. Raises Invalid."""
    if part not in (None, *PARTS):
        raise Invalid.field("part", f"One of {', '.join(PARTS)}.")
    if version.brought_on_id is not None:
        return part or ALL
    if part == ALL:
        raise Invalid.field("part", "A model is judged on the test part: from the other rows it may have learnt.")
    return TEST


def _same_rows(
    version: ModelVersion, baseline: ModelVersion | None, members: Sequence[ModelVersion], data: DatasetVersion
) -> None:
    """Raises Invalid where predictions that were brought are not those of these rows."""
    asked = [(version, "dataset_version_id"), (baseline, "baseline_version_id"), *((one, MEMBERS) for one in members)]
    for one, field in asked:
        if one is not None and one.brought_on_id not in (None, data.pk):
            raise Invalid.field(field, f"{registry.model_missing(one)} It says nothing of the rows of {data}.")


def _columns(
    version: ModelVersion, others: Sequence[tuple[ModelVersion, str]], data: DatasetVersion, facts: Mapping[str, Any],
    part: str,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # fmt: skip
    """(the features that describe the rows, further columns that a loaded one of the `others` reads).

    Beside predictions a feature is what is no answer; a model that they are compared with may read any column.
    Raises Invalid, at the field beside it, for one of the others that cannot score these rows.
    """
    features: list[dict[str, Any]] = facts["features"]
    brought = [one for one in (version, *(one for one, _ in others)) if one.brought_on_id is not None]
    answers = {name for one in brought for name in AnswerColumns.from_json(one.brought_columns or {}).names}
    features = [one for one in features if one["name"] not in answers]
    if version.brought_on_id is None and not any(field == MEMBERS for _, field in others):
        return features, []
    held = {one["name"]: {"name": one["name"], "type": one["type"]} for one in data.schema}
    inputs: dict[str, dict[str, Any]] = {}
    named = {one["name"] for one in features}
    for other, field in others:
        if other.brought_on_id is not None or (version.brought_on_id is None and field != MEMBERS):
            continue
        wanted = [tensor["name"] for tensor in other.signature["inputs"]]
        missing = [f"“{name}”" for name in wanted if name not in held]
        if missing:
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            raise Invalid.field(
                field, f"{other} reads columns that this table does not have: {', '.join(missing[:MOST_NAMED])}{more}."
            )
        if part == ALL and other.run is not None and other.run.inputs.filter(dataset_version=data).exists():
            raise Invalid.field(field, f"{other} has learnt from rows of this table. Judge the test part only.")
        inputs |= {name: held[name] for name in wanted if name not in named}
    return features, list(inputs.values())


def baseline_for(actor: Actor, version: ModelVersion, live: ModelVersion | None) -> ModelVersion | None:
    """What a candidate is compared with: the `live` version, else the newest trivial baseline, else nothing."""
    if live is not None and live.pk != version.pk:
        return live
    return (
        registry.version_list(actor, model_id=version.model_id)
        .filter(state="SEALED", recipe__in=BASELINE_RECIPES)
        .exclude(pk=version.pk)
        .order_by("-number")
        .first()
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What an evaluation asks, as everything stands at this moment, and the job that finds out."""

    version: ModelVersion
    baseline: ModelVersion | None
    problem: Problem
    agreed: ProblemVersion
    data: DatasetVersion
    tests: list[BehaviourVersion]
    members: list[ModelVersion]
    title: str
    spec: dict[str, Any]
    files: list[dict[str, Any]]


def question_make(
    actor: Actor,
    model_version_id: uuid.UUID,
    dataset_version_id: uuid.UUID | None,
    baseline_version_id: uuid.UUID | None,
    part: str | None = None,
    extras: Extras | None = None,
    company: Company | None = None,
    row_columns: RowColumns | None = None,
) -> Question:
    """Check that the evaluation can be made now, and say what it takes. Raises as `evaluation_launch`."""
    version = registry.model_version_get(actor, model_version_id)
    require(
        policies.evaluation_launch(actor, version.team_id),
        "Launching an evaluation takes a data scientist's or operator's role in the team.",
    )
    _usable(version, "version")
    part = _part(version, part)
    problem = version.model.problem
    if problem is None:
        raise Conflict("The model belongs to no problem yet: attach it to one first.", code="no_problem")
    agreed = problems.version_current(problem)
    if agreed is None:
        raise Conflict("The problem is not accepted yet, so nothing says what to measure.", code="problem_not_accepted")
    data = _dataset(actor, version, dataset_version_id)
    if baseline_version_id is not None:
        baseline: ModelVersion | None = registry.model_version_get(actor, baseline_version_id)
    else:
        baseline = baseline_for(actor, version, registry.live_version_of(version.model))
    if baseline is not None:
        if baseline.pk == version.pk:
            raise Invalid.field("baseline_version_id", "A version is not compared with itself.")
        if baseline.team_id != version.team_id or baseline.task != version.task:
            raise Invalid.field("baseline_version_id", "The baseline answers another question.")
        _usable(baseline, "baseline")
    company = company or Company()
    members = members_get(actor, company, version)
    _same_rows(version, baseline, members, data)
    facts = datasets.training_facts(data)
    if facts["target"] != agreed.target:
        raise Conflict(f"The data has no column “{agreed.target}” in the role of the target.", code="target_missing")
    counting = (row_columns or RowColumns()).spec(data, facts, agreed.task)
    specs, objectives = problems.segment_specs(agreed), list(problems.objective_list(agreed))
    extras = extras or Extras()
    extras.check(agreed.task, [segment.name for segment in specs])
    tests, training = problems.behaviour_in_force(problem.pk), _training(actor, version, agreed)
    candidate_ref = registry.model_ref(version)
    baseline_ref = registry.model_ref(baseline) if baseline else None
    files = [{**facts["table"], "name": "table.parquet"}]
    files += [{**training["table"], "name": "training.parquet"}] if training else []
    together = company.spec(members)
    for ref in filter(None, (candidate_ref, baseline_ref, *together.get("members", ()))):
        files += [{"sha256": row["sha256"], "size": row["size"], "name": row["path"]} for row in ref["files"]]
    others = [(baseline, "baseline_version_id")] if baseline else []
    others += [(one, MEMBERS) for one in members]
    features, inputs = _columns(version, others, data, facts, part)
    if "query" in counting:
        features = [one for one in features if one["name"] != counting["query"]]
    against = f" against {baseline.model.name} {baseline.number}" if baseline else ""
    against += f" and with {len(members)} more" if members else ""
    spec = {
        **{key: facts[key] for key in ("target", "id_column", "table", "split")},
        "features": features,
        "inputs": inputs,
        "part": part,
        "candidate": candidate_ref,
        "baseline": baseline_ref,
        "task": agreed.task,
        "positive_label": agreed.positive_label or None,
        "segments": [segment.to_json() for segment in specs],
        "costs": problems.costs_of(agreed),
        "least_support": agreed.least_support or None,
        "margins": margins_of(objectives),
        "criteria_limits": criteria_limits_of(objectives),
        **extras.spec(),
        **({"cutoffs": cutoffs_of(objectives)} if agreed.task == RANKING else {}),
        **together,
        **counting,
        "behaviour": problems.behaviour_asked(tests),
        "training": training,
        # A baseline that a person chose is kept by a retry; one that was found is looked for again.
        "baseline_chosen": baseline_version_id is not None,
    }
    return Question(
        version=version,
        baseline=baseline,
        problem=problem,
        agreed=agreed,
        data=data,
        tests=tests,
        members=members,
        title=f"evaluate {version.model.name} {version.number}{against}",
        spec=spec,
        files=list({file["sha256"]: file for file in files}.values()),
    )


def _trained_on(version: ModelVersion) -> uuid.UUID | None:
    """Which dataset version a model version says it was trained on."""
    used = version.run.inputs.filter(dataset_version__isnull=False).first() if version.run else None
    return used.dataset_version_id if used is not None else None


def usual_data(version: ModelVersion) -> DatasetVersion | None:
    """The data that an evaluation of the version takes unless others are named; None where it does not tell."""
    if version.brought_on_id is not None:
        return version.brought_on
    used = (
        version.run.inputs.select_related("dataset_version").filter(dataset_version__isnull=False)
        if version.run
        else None
    )
    first = used.first() if used is not None else None
    return first.dataset_version if first is not None else None


def _training(actor: Actor, version: ModelVersion, agreed: ProblemVersion) -> dict[str, Any] | None:
    """Table and split of the rows that the version was trained on; None where that is not known any more."""
    used = _trained_on(version)
    if used is None:
        return None
    try:
        facts = datasets.training_facts(datasets.dataset_version_get(actor, used))
    except (NotFound, Conflict):
        return None
    known = facts["split"] and facts["target"] == agreed.target
    return {"table": facts["table"], "split": facts["split"]} if known else None


def _dataset(actor: Actor, version: ModelVersion, dataset_version_id: uuid.UUID | None) -> Any:
    if dataset_version_id is not None:
        data = datasets.dataset_version_get(actor, dataset_version_id)
        if data.team_id != version.team_id:
            raise NotFound("There is no such dataset version in this team.")
        return data
    if version.brought_on_id is not None:
        return datasets.dataset_version_get(actor, version.brought_on_id)
    used = _trained_on(version)
    if used is None:
        raise Invalid.field(
            "dataset_version_id", "Say on which data: the version does not tell what it was trained on."
        )
    return datasets.dataset_version_get(actor, used)
