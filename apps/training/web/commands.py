"""The same launch as a command: what the form says, in curl and in Python."""

from __future__ import annotations

import json
from typing import Any

_CURL = """curl -sS -X POST {base}/api/v1/launches \\
  -H "Authorization: Bearer $FAIRWAY_TOKEN" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -H "Content-Type: application/json" \\
  -d '{body}'"""

_PYTHON = """import json
import os
import urllib.request
import uuid

launch = {body}
request = urllib.request.Request(
    "{base}/api/v1/launches",
    data=json.dumps(launch).encode(),
    headers={{
        "Authorization": "Bearer " + os.environ["FAIRWAY_TOKEN"],
        "Idempotency-Key": str(uuid.uuid4()),
        "Content-Type": "application/json",
    }},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["job_id"])"""


def launch_commands(base: str, launch: dict[str, Any]) -> dict[str, str]:
    """{"curl", "python"}; `base` is the address of this installation without a slash at its end."""
    body = json.dumps(launch, indent=2).replace("'", "'\\''")
    literal = repr_lines(launch)
    return {"curl": _CURL.format(base=base, body=body), "python": _PYTHON.format(base=base, body=literal)}


def repr_lines(value: dict[str, Any], indent: str = "") -> str:
    """A dict as Python text, one key a line."""
    inner = indent + "    "
    rows = [
        f"{inner}{key!r}: {repr_lines(item, inner) if isinstance(item, dict) and item else repr(item)},"
        for key, item in value.items()
    ]
    return "{\n" + "\n".join(rows) + f"\n{indent}}}"
