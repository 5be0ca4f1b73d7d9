"""Versions without files: what a model made elsewhere says of the rows of a table, judged like any other version."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.audit.services import audit_record
from apps.core.actors import Actor
from apps.core.errors import Conflict, Invalid
from apps.core.numbers import number_next
from apps.core.policies import require, who_can
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.lineage.services import edge_add
from apps.problems import selectors as problems
from apps.registry import policies
from apps.registry.models import Model, ModelVersion
from apps.registry.services.models import model_get_or_create
from apps.registry.services.stated import BINARY, MULTICLASS, target_labels
from apps.registry.services.telling import version_created
from apps.registry.services.versions import state_restore
from workers.contracts.answers import MOST_LABELS, AnswerColumns

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.problems.models import ProblemVersion

FORMAT = "predictions"
NUMERIC = ("INTEGER", "NUMBER", "BOOLEAN")
NAMES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Brought:
    """What a person says of predictions made elsewhere: the outside model's name and where its answers are.

    Two classes: `column` holds the score of the positive label, `threshold` the score from which it is said. A number:
    `column` holds the number. Many classes: `column` holds the label, or the columns that begin with `score_prefix` and
    end with a label hold its probability, or both.
    """

    name: str
    column: str = ""
    score_prefix: str = ""
    threshold: float | None = None


def version_bring(*, actor: Actor, dataset_version_id: uuid.UUID, brought: Brought) -> ModelVersion:
    """Register the answers in a table as a version of the outside model, which is made when there is none.

    The same columns of the same bytes are the version that stands. Without a threshold it is the one that follows from
    the problem's costs of errors, as for trained versions.
    Raises NotFound, Forbidden, Invalid at the field, and Conflict for data that cannot be used.
    """
    data = datasets.dataset_version_get(actor, dataset_version_id)
    require(
        policies.model_register(actor, data.team_id),
        f"Registering a version takes the right “model.register” in the team: {who_can('model.register')} has it.",
    )
    problem = data.dataset.problem
    if problem is None:
        raise Conflict("The dataset belongs to no problem yet, so nothing says what its rows ask.", code="no_problem")
    agreed = problems.version_current(problem)
    if agreed is None:
        raise Conflict("The problem is not accepted yet, so nothing says what to measure.", code="problem_not_accepted")
    facts = datasets.training_facts(data)
    if facts["target"] != agreed.target:
        raise Conflict(f"The data has no column “{agreed.target}” in the role of the target.", code="target_missing")
    columns = _columns(data, agreed, brought)
    threshold = _threshold(agreed, brought)
    with transaction.atomic():
        model = _model(actor, data, brought)
        stated: dict[str, Any] = {
            "data": [str(data.pk), data.content_digest],
            "columns": columns.to_json(),
            "threshold": threshold,
        }
        stated |= {"task": agreed.task, "positive_label": agreed.positive_label}
        digest = hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        same = ModelVersion.objects.filter(model=model, content_digest=digest).first()
        if same is not None:
            if same.state == ModelVersion.State.ARCHIVED:
                state_restore(actor, same)
            return same
        dataset_services.version_cite(actor=actor, version_id=data.pk)
        version: ModelVersion = ModelVersion.objects.create(
            model=model,
            team_id=model.team_id,
            number=number_next(model, ModelVersion.objects.filter(model=model)),
            state=ModelVersion.State.SEALED,
            source=f"datasets:/{data.pk.hex}/{','.join(columns.names)}"[:500],
            format=FORMAT,
            content_digest=digest,
            task=agreed.task,
            classes=_classes(data, agreed, columns),
            threshold=threshold,
            brought_on=data,
            brought_columns=columns.to_json(),
            registered_by_id=actor.id if actor.is_person else None,
            registered_by_label=actor.label,
        )
        model.task, model.updated_at = agreed.task, timezone.now()
        model.save(update_fields=["task", "updated_at"])
        edge_add(subject=version, relation="DERIVED_FROM", thing=data, team_id=version.team_id)
        audit_record(
            actor=actor,
            action="version.bring",
            thing=version,
            problem_id=problem.pk,
            after={"number": version.number, "data": str(data), "content_digest": digest, **columns.to_json()},
        )
        version_created(version)
    return version


def _model(actor: Actor, data: DatasetVersion, brought: Brought) -> Model:
    """The outside model, locked. Raises Invalid for one that holds files or answers another problem."""
    try:
        model = model_get_or_create(
            actor=actor, team_id=data.team_id, name=brought.name, problem_id=data.dataset.problem_id
        )
    except Conflict as refusal:
        raise Invalid.field("name", refusal.detail) from refusal
    if ModelVersion.objects.filter(model=model, brought_on__isnull=True).exists():
        raise Invalid.field("name", f"“{model}” has versions with files. Give the outside model a name of its own.")
    return model


def _threshold(agreed: ProblemVersion, brought: Brought) -> float | None:
    if agreed.task != BINARY:
        if brought.threshold is not None:
            raise Invalid.field("threshold", "Only an answer between two classes has a threshold.")
        return None
    if brought.threshold is None:
        return problems.threshold_of(agreed)
    if not (math.isfinite(brought.threshold) and 0 <= brought.threshold <= 1):
        raise Invalid.field("threshold", "A threshold is a number from 0 to 1, as the scores are.")
    return brought.threshold


def _columns(data: DatasetVersion, agreed: ProblemVersion, brought: Brought) -> AnswerColumns:
    """The columns that are named, as far as the profile can say that they hold such answers. Raises Invalid.

    Single rows are looked at by the job, which names the first that is wrong.
    """
    if agreed.task == MULTICLASS:
        if not brought.column and not brought.score_prefix:
            raise Invalid.field("column", "Name the column with the label, or what the score columns begin with.")
        if brought.column:
            _label_check(data, agreed, brought.column)
        return AnswerColumns(brought.column, _score_columns(data, agreed, brought.score_prefix))
    if brought.score_prefix:
        raise Invalid.field("score_prefix", "Only an answer among many classes has a score column for each label.")
    profile = _profile(data, agreed, "column", brought.column)
    _number_check("column", brought.column, profile, score=agreed.task == BINARY)
    return AnswerColumns(brought.column)


def _profile(data: DatasetVersion, agreed: ProblemVersion, field: str, name: str) -> Mapping[str, Any]:
    """The profile of a column that may hold answers. Raises Invalid."""
    if not name:
        raise Invalid.field(field, "Name the column that holds the answers.")
    if name == agreed.target:
        raise Invalid.field(field, f"“{name[:100]}” is the truth, which no model is judged by against itself.")
    profile = datasets.column_profile(data, name)
    if profile is None:
        raise Invalid.field(field, f"The table has no column “{name[:100]}”.")
    return profile


def _number_check(field: str, name: str, profile: Mapping[str, Any], *, score: bool) -> None:
    """Raises Invalid for a column of text, and for one whose usual values are no scores."""
    if profile.get("type") not in NUMERIC:
        text = next((str(value) for value, _ in profile.get("top") or () if not _is_number(value)), "")
        such = f", such as “{text[:60]}”" if text else ""
        raise Invalid.field(field, f"“{name[:100]}” holds text{such}, where numbers are needed.")
    usual = profile.get("quantiles") or {}
    if score and (usual.get("0.05", 0) < 0 or usual.get("0.95", 1) > 1):
        low, high = profile.get("min"), profile.get("max")
        raise Invalid.field(field, f"“{name[:100]}” goes from {low} to {high}; a score is a probability from 0 to 1.")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _label_check(data: DatasetVersion, agreed: ProblemVersion, name: str) -> None:
    profile = _profile(data, agreed, "column", name)
    distinct = profile.get("distinct") or 0
    if distinct > MOST_LABELS:
        raise Invalid.field(
            "column", f"“{name[:100]}” has {distinct} different values; at most {MOST_LABELS} labels are judged."
        )


def _score_columns(data: DatasetVersion, agreed: ProblemVersion, prefix: str) -> tuple[tuple[str, str], ...]:
    """(label, column) of each column that begins with the prefix: every label of the target, and those that only the
    outside model knows. Raises Invalid.
    """
    if not prefix:
        return ()
    labels = target_labels(data, agreed.target)
    names = [str(column["name"]) for column in data.schema if column["name"] not in (prefix, agreed.target)]
    found = {name.removeprefix(prefix): name for name in names if name.startswith(prefix)}
    missing = [f"“{prefix}{label}”" for label in labels if label not in found]
    if missing or not found:
        raise Invalid.field("score_prefix", f"The table has no column {_some(missing) or f'“{prefix}…”'}.")
    taken = {}
    for label, name in sorted(found.items()):
        try:
            _number_check("score_prefix", name, datasets.column_profile(data, name) or {}, score=True)
        except Invalid:
            if label in labels or not labels:
                raise
            continue  # begins alike, and is no score
        taken[label] = name
    if len(taken) > MOST_LABELS:
        raise Invalid.field(
            "score_prefix", f"{len(taken)} columns begin with “{prefix}”; at most {MOST_LABELS} labels are judged."
        )
    return tuple(taken.items())


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMES_TOLD
    return ", ".join(names[:NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")


def _classes(data: DatasetVersion, agreed: ProblemVersion, columns: AnswerColumns) -> list[str] | None:
    """The labels as far as they are known before a row is read; of two classes the positive one is the second."""
    if agreed.task == BINARY:
        labels = target_labels(data, agreed.target)
        other = [label for label in labels if label != agreed.positive_label]
        return [other[0], agreed.positive_label] if len(labels) == 2 and len(other) == 1 else None
    if agreed.task == MULTICLASS:
        return [label for label, _ in columns.scores] or target_labels(data, agreed.target) or None
    return None
