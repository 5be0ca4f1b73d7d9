"""Export jobs end to end: the sealed report in, a file out, in the sandbox of every child."""

import io
import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from workers.contracts.exports import FORMATS, HTML, PDF
from workers.contracts.jobspec import EXIT_BAD_INPUT
from workers.exporting.tests.making import FACTS, evidence_make
from workers.runner.tests.kit import job_run
from workers.runner.tests.peer import Peer

CHARTS = b"globalThis.Plotly = { react() {} };"


def _peer(code: str, **spec: object) -> Peer:
    evidence = evidence_make(n=600)
    assert evidence.findings is not None
    peer = Peer("export", {})
    report = peer.add(json.dumps(evidence.report.to_json()).encode())
    findings = peer.add(json.dumps(evidence.findings.to_json()).encode())
    facts = evidence.facts.to_json()
    peer.spec = {"format": code, "facts": facts, "report": report, "findings": findings, "charts": peer.add(CHARTS)}
    peer.spec |= spec
    return peer.start()


@pytest.mark.parametrize("code", FORMATS)
def test_the_child_makes_each_format(tmp_path: Path, code: str) -> None:
    peer = _peer(code)

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.succeeded, "\n".join(lines)
    content = peer.outputs[FORMATS[code].output]
    assert content.startswith(FORMATS[code].begins)
    assert peer.payload == {"format": code, "size": len(content)}
    if code == PDF:
        assert FACTS.headline[:40] in PdfReader(io.BytesIO(content)).pages[0].extract_text()
    if code == HTML:
        assert CHARTS in content


def test_an_unknown_format_ends_with_the_reason(tmp_path: Path) -> None:
    peer = _peer("DOCX")

    status, lines = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT, "\n".join(lines)
    assert peer.payload is not None
    assert peer.payload["error"]["message"] == "There is no format 'DOCX'."


def test_evidence_of_another_shape_ends_with_the_reason(tmp_path: Path) -> None:
    peer = _peer(HTML, facts={"number": 1})

    status, _ = job_run(tmp_path, peer)
    peer.stop()

    assert status.exit_code == EXIT_BAD_INPUT
    assert peer.payload is not None
    assert peer.payload["error"]["code"] == "EVIDENCE"
