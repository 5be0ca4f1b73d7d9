"""A launch of people's own code as a command: for the command-line client, and as plain HTTP in Python."""

from __future__ import annotations

import shlex
from typing import Any

from apps.training.web.commands import repr_lines
from workers.contracts.parameters import text_of

_PYTHON = """import json
import os
import urllib.request
import uuid

launch = {body}
request = urllib.request.Request(
    "{base}/api/v1/code-launches",
    data=json.dumps(launch).encode(),
    headers={{
        "Authorization": "Bearer " + os.environ["FAIRWAY_TOKEN"],
        "Idempotency-Key": str(uuid.uuid4()),
        "Content-Type": "application/json",
    }},
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["job_id"])"""


def code_commands(base: str, launch: dict[str, Any]) -> dict[str, str]:
    """{"cli", "python"}; `base` is the address of this installation without a slash at its end."""
    words = ["fairway", "launch", launch["bundle_id"]]
    if "command" in launch:
        words += ["--command", launch["command"]]
    else:
        words += ["--entry", launch["entry"]]
        for name, value in launch["params"].items():
            words += ["-p", f"{name}={text_of(value)}"]
    if launch.get("problem_id"):
        words += ["--problem", launch["problem_id"]]
    if launch.get("target_id"):
        words += ["--target", launch["target_id"]]
    if launch.get("priority"):
        words += ["--priority", launch["priority"]]
    if "checkpoint" in launch:
        words += ["--checkpoint", launch["checkpoint"]]
    if launch.get("restartable"):
        words += ["--restartable"]
    words += ["--seed", str(launch["seed"]), "--environment", launch["environment"]]
    lines, line = [], ""
    for word in (shlex.quote(str(one)) for one in words):
        if word.startswith("-") and line:
            lines.append(line)
            line = "  "
        line += ("" if line in ("", "  ") else " ") + word
    lines.append(line)
    return {"cli": " \\\n".join(lines), "python": _PYTHON.format(base=base, body=repr_lines(launch))}
