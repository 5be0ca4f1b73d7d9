"""Look before removing bytes: what goes, what stays, and what could not be made again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from apps.core.actors import Actor
from apps.core.blob_references import BlobReference, references_of
from apps.datasets import contracts as data_contracts
from apps.datasets import policies as data_policies
from apps.datasets import selectors as datasets
from apps.datasets import services as data_services
from apps.deployments import selectors as deployments
from apps.experiments import contracts as run_contracts
from apps.experiments import policies as run_policies
from apps.experiments import selectors as experiments
from apps.experiments import services as run_services
from apps.home.storage.guards import DATA, RUN, VERSION
from apps.lineage import selectors as lineage
from apps.lineage.contracts import Node

SHOWN = 200
_ORDER = (
    "registry.modelversion",
    "experiments.run",
    "evaluations.evaluation",
    "reviews.approvalrequest",
    "reviews.decision",
)
_HEADS = {
    "registry.modelversion": "Model versions",
    "experiments.run": "Runs",
    "evaluations.evaluation": "Evaluations",
    "reviews.approvalrequest": "Requests for approval",
    "reviews.decision": "Decisions",
}


@dataclass(frozen=True, slots=True)
class PurgeFile:
    """One file; `kept_by` names what else needs its bytes, which then stay."""

    path: str
    sha256: str
    size: int
    kept_by: tuple[BlobReference, ...]


@dataclass(frozen=True, slots=True)
class PurgePreview:
    """What removing the bytes of a dataset version or of a run would mean."""

    thing_type: str
    thing_id: uuid.UUID
    label: str
    """What has to be typed to confirm."""
    word: str
    url: str
    team_id: uuid.UUID
    files: tuple[PurgeFile, ...]
    loses: tuple[tuple[str, tuple[Node, ...]], ...]
    """(heading, things) that could not be made again from here."""
    live: tuple[Node, ...]
    against: tuple[str, ...]
    """Why it is refused."""
    purged: bool
    allowed_to: bool
    """Does this actor hold the right?"""

    @property
    def bytes_freed(self) -> int:
        return sum({f.sha256: f.size for f in self.files if not f.kept_by}.values())

    @property
    def bytes_kept(self) -> int:
        return sum({f.sha256: f.size for f in self.files if f.kept_by}.values())

    @property
    def loses_count(self) -> int:
        return sum(len(things) for _, things in self.loses)

    @property
    def refused(self) -> bool:
        return bool(self.against) or self.purged


def _files(
    actor: Actor, rows: Sequence[tuple[str, str, int]], own: frozenset[tuple[str, uuid.UUID]]
) -> tuple[PurgeFile, ...]:
    teams = actor.team_ids("view")
    references = references_of([row[1] for row in rows])
    found = []
    for path, sha256, size in rows:
        others = [r for r in references[sha256] if (r.key, r.object_id) not in own]
        # What another team has is said to exist, not named.
        kept = tuple(
            r if teams is None or r.team_id in teams else BlobReference(r.key, r.kind, r.team_id, r.object_id, "", "")
            for r in others
        )
        found.append(PurgeFile(path, sha256, size, kept))
    return tuple(found)


def _loses(
    actor: Actor, thing_type: str, thing_id: uuid.UUID
) -> tuple[tuple[tuple[str, tuple[Node, ...]], ...], tuple[Node, ...]]:
    """(things by heading, what is live among them): everything that came of it by lineage."""
    by_type: dict[str, list[Node]] = {}
    for node in lineage.descendants_of(actor, thing_type, thing_id):
        if node.type == "deployments.trafficsplit":
            continue  # who answered when is history; what answers now is named below
        by_type.setdefault(node.type, []).append(node)
    versions = {node.id for node in by_type.get(VERSION, [])}
    seen = actor.team_ids("view")
    live = lineage.nodes_linked(
        Node("deployments.deployment", r.deployment_id, f"{r.deployment.name}: {r.model_version}")
        for r in deployments.rollouts_in_traffic(versions)
        if seen is None or r.team_id in seen
    )
    kinds = [*(k for k in _ORDER if k in by_type), *sorted(k for k in by_type if k not in _ORDER)]
    shown = {k: tuple(lineage.nodes_linked(by_type[k][:SHOWN])) for k in kinds}
    return tuple((_HEADS.get(k, nodes[0].word.capitalize()), nodes) for k, nodes in shown.items()), tuple(live)


def data_preview(actor: Actor, version_id: uuid.UUID) -> PurgePreview:
    """Of a dataset version's bytes. Raises NotFound."""
    version = datasets.dataset_version_get(actor, version_id)
    rows = [(version.filename, version.content_digest, version.size)]
    if version.table_sha256:
        rows.append(("table.parquet", version.table_sha256, version.table_size or 0))
    own = frozenset({("datasets.file", version.pk), ("datasets.table", version.pk)})
    files = _files(actor, rows, own)
    against = data_contracts.purge_vetoes(version.pk)
    if version.state in ("REGISTERING", "PROFILING"):
        against.append("The version is being profiled: cancel its job first.")
    loses, live = _loses(actor, DATA, version.pk)
    return PurgePreview(
        thing_type=DATA,
        thing_id=version.pk,
        label=str(version),
        word="dataset version",
        url=reverse("dataset-version-detail", args=[version.pk]),
        team_id=version.team_id,
        files=files,
        loses=loses,
        live=live,
        against=tuple(dict.fromkeys(against)),
        purged=version.purged_at is not None,
        allowed_to=data_policies.data_may_edit(actor, version.team_id),
    )


def run_preview(actor: Actor, run_id: uuid.UUID) -> PurgePreview:
    """Of a run's files and logged models. Raises NotFound."""
    run = experiments.run_get(actor, run_id)
    rows = [(f.path, f.sha256, f.size) for f in run_services.run_files(run.pk)]
    files = _files(actor, rows, frozenset({("experiments.file", run.pk), ("experiments.model", run.pk)}))
    against = run_contracts.run_purge_vetoes(run.pk)
    if run.status in ("RUNNING", "SCHEDULED"):
        against.append("The run goes on: end it first.")
    loses, live = _loses(actor, RUN, run.pk)
    return PurgePreview(
        thing_type=RUN,
        thing_id=run.pk,
        label=run.name.strip(),
        word="run",
        url=reverse("run-detail", args=[run.pk]),
        team_id=run.team_id,
        files=files,
        loses=loses,
        live=live,
        against=tuple(dict.fromkeys(against)),
        purged=run.purged_at is not None,
        allowed_to=run_policies.run_purge(actor, run),
    )


def purge_do(*, actor: Actor, preview: PurgePreview, reason: str, confirm: str) -> None:
    """Remove what was previewed, by the service of its room, which checks everything again.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    if preview.thing_type == DATA:
        data_services.version_purge(actor=actor, version_id=preview.thing_id, reason=reason, confirm=confirm)
    else:
        run_services.run_purge(actor=actor, run_id=preview.thing_id, reason=reason, confirm=confirm)
