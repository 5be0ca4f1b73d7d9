"""A row such as the model is asked about, and calls that send it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings

from apps.deployments.models import Deployment

_WHOLE = ("INT", "UINT")


def example_row(signature: dict[str, Any], typical: dict[str, Any]) -> dict[str, Any]:
    """One value an input: what is typical of the data, else the first level, else a plain value of the right type."""
    row: dict[str, Any] = {}
    for tensor in signature.get("inputs", []):
        value = _value(tensor, typical.get(tensor["name"]))
        if value is not None:
            row[tensor["name"]] = value
    return row


def _value(tensor: dict[str, Any], typical: Any) -> Any:
    kind, levels = str(tensor.get("datatype", "")), tensor.get("levels")
    number = typical if isinstance(typical, int | float) and not isinstance(typical, bool) else None
    if kind.startswith(_WHOLE):
        return round(number) if number is not None else 1
    if kind.startswith("FP"):
        return float(f"{number:.6g}") if number is not None else 1.0
    if kind == "BOOL":
        return typical if isinstance(typical, bool) else str(typical).lower() in ("true", "1", "yes")
    if levels:
        return typical if typical in levels else levels[0]
    return str(typical) if typical is not None else "text"


def calls(deployment: Deployment, signature: dict[str, Any], row: dict[str, Any]) -> list[tuple[str, str]]:
    """(title, text) of calls that a person copies: curl, Python, and the inference protocol."""
    tensors = [
        {"name": tensor["name"], "datatype": tensor["datatype"], "shape": [1], "data": [row[tensor["name"]]]}
        for tensor in signature.get("inputs", [])
        if tensor["name"] in row
    ]
    base = settings.GATEWAY_URL
    address = f"{base}/{deployment.name}/invocations"
    return [
        ("curl", _curl(address, {"dataframe_records": [row]})),
        ("Python", _python(address, row)),
        ("Open Inference Protocol V2", _curl(f"{base}/v2/models/{deployment.name}/infer", {"inputs": tensors})),
    ]


def _curl(address: str, body: dict[str, Any]) -> str:
    # A quote in a value must not end the shell's own.
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return (
        f'curl {address} \\\n  -H "Authorization: Bearer $FAIRWAY_TOKEN" \\\n'
        f"  -H 'Content-Type: application/json' \\\n  -d '{text}'"
    )


def _python(address: str, row: dict[str, Any]) -> str:
    values = "".join(f"        {name!r}: {value!r},\n" for name, value in row.items())
    return (
        "import os\n\nimport requests\n\n"
        f"answer = requests.post(\n    {address!r},\n"
        '    headers={"Authorization": f"Bearer {os.environ[\'FAIRWAY_TOKEN\']}"},\n'
        f'    json={{"dataframe_records": [{{\n{values}    }}]}},\n    timeout=10,\n)\n'
        'answer.raise_for_status()\nprint(answer.json()["predictions"][0])'
    )
