"""The evidence that a request rests on, and its digest: what changes it makes the request stale (invariant I11)."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from apps.evaluations import selectors as evaluations
from apps.gates import selectors as gates
from apps.problems import selectors as problems
from apps.registry import selectors as registry
from apps.registry.contracts import live_version_id

if TYPE_CHECKING:
    from apps.evaluations.models import Evaluation
    from apps.gates.models import GateResult
    from apps.registry.models import ModelVersion


def evidence_of(
    version: ModelVersion,
    evaluation: Evaluation,
    *,
    gate_rows: list[GateResult] | None = None,
    live_id: uuid.UUID | None = None,
) -> dict[str, Any]:
    """Everything that a decision on this version and evaluation rests on, as it stands now.

    Covers the version's bytes and state, the newest evaluation of it, every gate's outcome and sentence, the
    problem version, the segment versions and the behaviour tests in force, what these found, the state of the data,
    and which version is live (`gate_rows`, `live_id`: what is at hand and need not be asked again).
    """
    problem = evaluation.problem
    agreed = problems.version_current(problem)
    newest = evaluations.latest_id_for(version)
    segments = problems.segments_of(agreed, in_force=True) if agreed else []
    live_id = live_id or live_version_id(version.model_id)
    tests = problems.behaviour_in_force(problem.pk)
    # Left out where nobody wrote a test, so that evidence of before there were any is as it was.
    pks = sorted(str(test.pk) for test in tests)
    behaviour = {"behaviour": {"tests": pks, "found": evaluation.findings_digest}} if tests else {}
    return behaviour | {
        "version": {"id": str(version.pk), "content": version.content_digest, "state": version.state},
        "lineage_missing": registry.lineage_missing(version),
        "evaluation": {"id": str(evaluation.pk), "report": evaluation.report_digest, "rows": evaluation.row_digest},
        "newest_evaluation": str(newest) if newest else None,
        "gates": [
            [str(gate.objective_id or gate.behaviour_id), gate.group_key, gate.outcome, gate.blocks, gate.sentence]
            for gate in (gates.gate_list(evaluation) if gate_rows is None else gate_rows)
        ],
        "problem_version": str(agreed.pk) if agreed else None,
        "segments": sorted(str(segment.pk) for segment in segments),
        "live": str(live_id) if live_id else None,
        "dataset": [
            evaluation.dataset_version.content_digest,
            evaluation.dataset_version.state,
        ],
    }


def evidence_hash(evidence: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON."""
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


_WORDS = {
    "version": "the model version was changed in state",
    "lineage_missing": "the lineage of the version changed",
    "evaluation": "the evaluation changed",
    "newest_evaluation": "there is a newer evaluation of the version",
    "gates": "the gates judge differently",
    "problem_version": "the problem has a newer accepted version",
    "segments": "the segments were changed",
    "behaviour": "the behaviour tests were changed",
    "live": "another version went live, which this one was not compared with",
    "dataset": "the data were changed in state",
}


def evidence_changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two evidences, in words."""
    return [_WORDS.get(key, key) for key in _WORDS if then.get(key) != now.get(key)]
