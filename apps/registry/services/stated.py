"""What the files of a model do not say of themselves: its columns, classes, threshold, data and environment.

A person who registers files states it; where nobody does, it follows from the files and from the problem.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.core.actors import Actor
from apps.core.blobs import blob_open
from apps.core.errors import Conflict, Invalid, NotFound
from apps.datasets import selectors as datasets
from apps.datasets import services as dataset_services
from apps.experiments import selectors as experiments
from apps.experiments import services as experiment_services
from apps.problems import selectors as problems
from workers.contracts.signature import Signature, SignatureError, Tensor, datatype_of_column
from workers.inspection.judge import Verdict

if TYPE_CHECKING:
    from apps.datasets.models import DatasetVersion
    from apps.experiments.models import Run
    from apps.registry.models import Model, ModelVersion

BINARY, MULTICLASS = "BINARY", "MULTICLASS"
MAX_COLUMNS = 2_000
MAX_COLUMN_NAME = 500
MAX_LEVELS = 50
_DATES = ("DATE", "DATETIME")
_LOCK = "requirements.txt"
_MAX_LOCK_BYTES = 256 * 1024
_PINNED = re.compile(r"([A-Za-z0-9][\w.\-]{0,99})(?:\[[\w.,\- ]*\])?\s*==\s*([\w.+!\-]{1,100})\s*(?:;.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a person says of files: the columns they read, the classes in the model's own order, the data that the
    model was trained on, the score from which the positive class is said.
    """

    signature: Signature | None = None
    classes: tuple[str, ...] | None = None
    dataset_version_id: uuid.UUID | None = None
    threshold: float | None = None

    def adds_nothing(self, held: ModelVersion) -> bool:
        """Whether a version of the same files says all of this already."""
        return (
            (self.signature is None or self.signature.to_json() == held.signature)
            and (self.classes is None or list(self.classes) == held.classes)
            and self.dataset_version_id is None
            and self.threshold in (None, held.threshold)
        )


NOTHING_STATED = Stated()


@dataclass(frozen=True, slots=True)
class Filled:
    """The facts of a version; `stated` is the part of them that no file holds and a person said."""

    signature: dict[str, Any]
    task: str
    classes: list[Any] | None
    threshold: float | None
    environment: dict[str, Any]
    stated: dict[str, Any]

    def check(self) -> None:
        """Raises Invalid, at the field, for what serving needs and nobody said."""
        if not self.signature.get("inputs"):
            raise Invalid.field(
                "signature",
                "The files do not say which columns the model reads. Give them as the signature, or name the data "
                "version that it was trained on.",
            )
        if self.task == MULTICLASS and not self.classes:
            raise Invalid.field("classes", "Give the classes in the order of the model's outputs.")


def signature_of(columns: Sequence[Mapping[str, Any]]) -> Signature:
    """The signature of columns `{"name", "datatype", "required"}`. Raises Invalid, at the field, for what is none."""
    tensors = []
    for column in columns:
        name = str(column["name"])
        if not 0 < len(name) <= MAX_COLUMN_NAME or any(ord(sign) < 32 for sign in name):
            raise Invalid.field("signature", f"A column needs a name of 1 to {MAX_COLUMN_NAME} plain characters.")
        try:
            tensors.append(Tensor(name, str(column["datatype"]), required=bool(column.get("required", True))))
        except SignatureError as error:
            raise Invalid.field("signature", f"“{name}”: {error.message}") from error
    names = [tensor.name for tensor in tensors]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise Invalid.field("signature", f"The column “{twice[:100]}” is named twice.")
    if not 1 <= len(tensors) <= MAX_COLUMNS:
        raise Invalid.field("signature", f"Name 1 to {MAX_COLUMNS} columns.")
    return Signature(tuple(tensors), ())


def training_data(actor: Actor, model: Model, said: Stated) -> DatasetVersion | None:
    """The data version that a person names, else None. Raises NotFound, also for one of another team."""
    if said.dataset_version_id is None:
        return None
    data: DatasetVersion = datasets.dataset_version_get(actor, said.dataset_version_id)
    if data.team_id != model.team_id:
        raise NotFound("There is no such data version in this team.")
    return data


def training_data_note(actor: Actor, run: Run | None, data: DatasetVersion) -> None:
    """Make the data an input of the run, once. Raises Conflict without a run, and when it is sealed without them."""
    if run is None:
        raise Conflict("The model was logged in no run, so no data can be noted. Log it in one.", code="no_run")
    if any(row.dataset_version_id == data.pk for row in experiments.run_inputs(run)):
        return
    dataset_services.version_cite(actor=actor, version_id=data.pk)
    experiment_services.run_inputs_add(actor=actor, run_id=run.pk, inputs=[(data, "training")])


def facts_fill(
    model: Model,
    facts: Mapping[str, Any],
    verdict: Verdict,
    said: Stated,
    data: DatasetVersion | None,
    manifest: Sequence[Mapping[str, Any]],
) -> Filled:
    """The facts that a version is sealed with. What the child reported comes first, then what a person says, then what
    the files state, then what follows from data and problem. Raises Invalid for what contradicts the files, and
    Conflict for data that cannot be used.
    """
    given: dict[str, Any] = dict(facts.get("stated") or {})
    signature = facts.get("signature") or {}
    if said.signature is not None:
        _reads_check("signature", verdict, [tensor.name for tensor in said.signature.inputs])
        signature = given["signature"] = said.signature.to_json()
    elif not signature and verdict.signature is not None:
        signature = verdict.signature.to_json()
    elif not signature and verdict.format is not None and data is not None:
        signature = given["signature"] = _signature_of_data(data, verdict).to_json()
    agreed = problems.version_current(model.problem) if model.problem_id and model.problem else None
    task = str(facts.get("task") or model.task or verdict.task or (agreed.task if agreed else ""))
    if not task and said.classes is not None:
        task = BINARY if len(said.classes) == 2 else MULTICLASS
    classes, threshold = facts.get("classes"), facts.get("threshold")
    if said.classes is not None:
        classes = given["classes"] = _classes_checked(task, said.classes)
    elif classes is None and task == BINARY:
        positive = agreed.positive_label if agreed else ""
        classes = _labels(data, positive, in_order=verdict.format == "SKOPS") or [0, 1]
    if said.threshold is not None:
        threshold = given["threshold"] = _threshold_checked(task, said.threshold)
    elif threshold is None and agreed is not None and task == BINARY:
        threshold = problems.threshold_of(agreed)
    environment = facts.get("environment") or _environment(manifest)
    return Filled(signature, task, classes, threshold, environment, given)


def _reads_check(field: str, verdict: Verdict, names: Sequence[str]) -> None:
    missing = [name for name in verdict.names or () if name not in names]
    if missing:
        raise Invalid.field(field, f"The model reads the column “{missing[0][:100]}”, which is not among these.")


def _threshold_checked(task: str, threshold: float) -> float:
    if task != BINARY:
        raise Invalid.field("threshold", "Only an answer between two classes has a threshold.")
    if not (math.isfinite(threshold) and 0 <= threshold <= 1):
        raise Invalid.field("threshold", "A threshold is a number from 0 to 1, as the scores are.")
    return threshold


def _classes_checked(task: str, classes: Sequence[str]) -> list[str]:
    if task not in (BINARY, MULTICLASS):
        raise Invalid.field("classes", "A model that predicts a number has no classes.")
    if len(set(classes)) != len(classes) or len(classes) < 2 or (task == BINARY and len(classes) != 2):
        many = "two classes" if task == BINARY else "two classes or more"
        raise Invalid.field("classes", f"Give {many}, each once, in the order of the model's outputs.")
    return list(classes)


def _signature_of_data(data: DatasetVersion, verdict: Verdict) -> Signature:
    """The features of a data version as the columns that a model reads: in the model's order where it has names, else
    in that of the data, which is how an evaluation gives them.
    """
    features = [one for one in datasets.training_facts(data)["features"] if one["type"] not in _DATES]
    by_name = {one["name"]: one for one in features}
    _reads_check("dataset_version_id", verdict, list(by_name))
    wanted = [by_name[name] for name in verdict.names] if verdict.names is not None else features
    try:
        return Signature(tuple(_tensor(data, one["name"], one["type"]) for one in wanted), ())
    except SignatureError as error:
        raise Invalid.field("dataset_version_id", error.message) from error


def _tensor(data: DatasetVersion, name: str, kind: str) -> Tensor:
    profile = datasets.column_profile(data, name) or {}
    top = _top(profile)
    whole = kind == "STRING" and 0 < len(top) <= MAX_LEVELS and profile.get("distinct") == len(top)
    return Tensor(name, datatype_of_column(kind), not profile.get("missing"), tuple(sorted(top)) if whole else None)


def _labels(data: DatasetVersion | None, positive: str, *, in_order: bool) -> list[str] | None:
    """The two labels of the target: sorted as scikit-learn keeps them, else the positive one second as numbers say."""
    target = datasets.training_facts(data)["target"] if data is not None else None
    if data is None or target is None or not positive:
        return None
    labels = target_labels(data, target)
    if len(labels) != 2 or positive not in labels:
        return None
    return labels if in_order else [label for label in labels if label != positive] + [positive]


def target_labels(data: DatasetVersion, target: str) -> list[str]:
    """The labels of a column, sorted; empty when its profile does not name every one of them."""
    profile = datasets.column_profile(data, target) or {}
    labels = sorted(_top(profile))
    return labels if profile.get("distinct") == len(labels) else []


def _top(profile: Mapping[str, Any]) -> list[str]:
    """The most frequent values as the texts that labels and inputs are."""
    return [_text(value) for value, _ in profile.get("top") or []]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _environment(manifest: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Packages and digest of a requirements.txt that pins every one of them; empty for any other."""
    row = next((row for row in manifest if row["path"] == _LOCK), None)
    if row is None or row["size"] > _MAX_LOCK_BYTES:
        return {}
    with blob_open(row["sha256"]) as file:
        text = file.read(_MAX_LOCK_BYTES).decode("utf-8", "replace")
    packages: dict[str, str] = {}
    for line in text.splitlines():
        plain = line.partition("#")[0].strip().removesuffix("\\").strip()
        if not plain or plain.startswith("--hash=sha256:"):
            continue
        found = _PINNED.fullmatch(plain)
        if found is None:
            return {}
        packages[found[1]] = found[2]
    return {"lock_digest": row["sha256"], "packages": packages} if packages else {}
