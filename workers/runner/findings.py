"""What an evaluate job finds beyond its report: the document that is posted beside it, and the file of flipped rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.combination import LEAST_SURE
from analysis.contracts.findings import FLIP_ROWS
from analysis.evaluate import EvaluateSpec, EvaluationRows
from analysis.findings import Asked, Member, Trials, findings_make
from workers.runner.job import Job


def findings_of(
    job: Job,
    rows: EvaluationRows,
    settings: EvaluateSpec,
    importance: Sequence[Mapping[str, Any]],
    trials: Trials | None,
    members: Sequence[Member] = (),
) -> dict[str, Any] | None:
    """The document as JSON; the rows that flipped are sent as an output.

    What goes wrong here is said in the log and costs the findings, never the report: then None. Raises Cancelled.
    """
    names = [str(one["name"]) for one in job.spec["features"]]
    ranked = [str(one["feature"]) for one in sorted(importance, key=lambda one: -float(one["value"]))]
    split = job.spec.get("split") or {}
    masked = [str(name) for name in (job.spec.get("id_column"), split.get("by")) if name]
    order = [name for name in dict.fromkeys([*ranked, *names]) if name in names and name not in masked]
    try:
        limits, sure = job.spec.get("criteria_limits") or {}, float(job.spec.get("sure") or LEAST_SURE)
        asked = Asked(order, masked, limits, trials, members, sure)
        found = findings_make(rows, settings, asked)
    except (ValueError, ArithmeticError, MemoryError) as error:
        job.say(f"The findings beyond the report could not be made: {type(error).__name__}: {error}"[:400])
        return None
    if found.flip_rows is not None:
        path = job.directory / FLIP_ROWS
        path.write_text(json.dumps(found.flip_rows, allow_nan=False, separators=(",", ":")))
        job.client.output(FLIP_ROWS, path)
    return found.findings.to_json()
