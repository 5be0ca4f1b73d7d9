"""The job kind "export": a file from a sealed report, its findings and the facts that belong to them.

The child is given nothing else, so what the report hides cannot come back in a file.
"""

import json
from typing import Any

from analysis.contracts.findings import FindingsError
from analysis.contracts.report import ReportError
from workers.contracts.exports import CHARTS, FORMATS, HTML, MODEL_CARD, PARQUET, PDF, FactsError
from workers.exporting.evidence import Evidence
from workers.runner.errors import BadInput
from workers.runner.job import Job


def run(job: Job) -> None:
    """Does an export job. Raises BadInput for a format or evidence that is not known, ApiError, Cancelled."""
    code = str(job.spec.get("format"))
    kind = FORMATS.get(code)
    if kind is None:
        raise BadInput("FORMAT", f"There is no format {code!r}.")
    job.progress(0.1, "Reading the report")
    evidence = _evidence(job)
    job.progress(0.3, f"Making the {kind.label}")
    content = _made(job, code, evidence)
    path = job.directory / kind.output
    path.write_bytes(content)
    job.progress(0.9, "Storing the file")
    job.client.output(kind.output, path)
    job.client.results({"format": code, "size": len(content)})
    job.progress(1.0, f"Made the {kind.label}, {len(content)} bytes")


def _evidence(job: Job) -> Evidence:
    spec = job.spec
    report = _read(job, spec["report"], "report.json")
    findings = _read(job, spec["findings"], "findings.json") if spec.get("findings") else None
    try:
        return Evidence.from_json(spec["facts"], report, findings)
    except (FactsError, ReportError, FindingsError) as error:
        raise BadInput("EVIDENCE", str(error)) from error


def _read(job: Job, file: dict[str, Any], name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(job.fetch(file, name).read_bytes())
    return data


def _made(job: Job, code: str, evidence: Evidence) -> bytes:
    """Each format's libraries are loaded for it alone."""
    if code == PARQUET:
        from workers.exporting.long_table import parquet_make

        return parquet_make(evidence)
    if code == PDF:
        from workers.exporting.pdf import pdf_make

        return pdf_make(evidence)
    if code == HTML:
        from workers.exporting.page import html_make

        charts = job.fetch(job.spec["charts"], CHARTS).read_text(encoding="utf-8")
        return html_make(evidence, charts).encode()
    if code == MODEL_CARD:
        from workers.exporting.card import card_make

        return card_make(evidence).encode()
    raise BadInput("FORMAT", f"The format {code!r} has no renderer.")
