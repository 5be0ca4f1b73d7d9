"""What an evaluate job knows before it is done: every metric for everyone and each segment, posted as preliminary.

The final results take its place. It is computed by the rules of the report and hides what the report hides, but holds
no crossings, gaps, curves or findings.
"""

from dataclasses import replace

from analysis.evaluate import EvaluateSpec, EvaluationRows, evaluate_table
from workers.runner.job import Job

SCORED = "The candidate has answered every row; what it is compared with is still being scored."
COMPARED = "Every row has been answered; crossings, fairness, weak slices and behaviour are still being worked out."


def preliminary_post(job: Job, rows: EvaluationRows, settings: EvaluateSpec, stage: str) -> None:
    """Post it. What cannot be computed is left to the report, which says why."""
    plain = replace(settings, crossings=False, triples=(), controls=(), custom=())
    try:
        report, _ = evaluate_table(rows, plain, threads=job.cores)
    except ValueError:
        return
    bare = [replace(one, curves=None, baseline_curves=None, confusion=None) for one in report.groups]
    told = replace(report, groups=tuple(bare), disparities=(), confusion=None, baseline_confusion=None, conditional=())
    job.client.results({"preliminary": {"stage": stage, "report": told.to_json()}})
