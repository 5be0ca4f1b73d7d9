"""Runs a program beside it and writes every JSON call that it made, with the answer, as lines of a file.

    python recorded.py FILE PROGRAM

Only what `requests` sends is noted; nothing of the client is changed.
"""

from __future__ import annotations

import base64
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

BASE = os.environ["MLFLOW_TRACKING_URI"]
SKIPPED = ("/get-artifact", "/version", "/health", "/v1/", "server-info", "/traces")


def _json(data: bytes | str | None) -> Any:
    try:
        return json.loads(data or "")
    except (ValueError, UnicodeDecodeError):
        return None


def _bytes(body: Any) -> str:
    """What an upload sends, as base64; the client hands over a file or pieces of one."""
    if hasattr(body, "read"):
        body.seek(0)
        return base64.b64encode(body.read()).decode()
    return base64.b64encode(body if isinstance(body, bytes) else b"".join(body or [])).decode()


def main() -> None:
    target, program = Path(sys.argv[1]), sys.argv[2]
    send = requests.Session.send
    with target.open("a") as notes:

        def noted(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            answer = send(self, request, **options)
            url = urlsplit(request.url or "")
            upload = request.method == "PUT" and "/mlflow-artifacts/" in url.path
            skipped = "/mlflow-artifacts/artifacts/" in url.path and not upload
            if (request.url or "").startswith(BASE) and not skipped and not any(part in url.path for part in SKIPPED):
                line = {
                    "method": request.method,
                    "path": url.path,
                    "query": parse_qsl(url.query, keep_blank_values=True),
                    "body": None if upload else _json(request.body),
                    **({"data": _bytes(request.body)} if upload else {}),
                    "status": answer.status_code,
                    "answer": _json(answer.content),
                }
                notes.write(json.dumps(line) + "\n")
                notes.flush()
            return answer

        requests.Session.send = noted  # type: ignore[method-assign]
        sys.argv = [program, *sys.argv[3:]]
        runpy.run_path(str(Path(__file__).with_name(f"{program}.py")), run_name="__main__")


main()
