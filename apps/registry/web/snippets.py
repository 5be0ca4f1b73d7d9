"""A version in a notebook: fetch the files, check their hashes, load them."""

from __future__ import annotations

from apps.registry.models import ModelVersion

_TEXT = """import hashlib
import json
import os
import pathlib
import urllib.request

import mlflow  # pip install mlflow skops (lightgbm or onnxruntime for those formats)

TOKEN = os.environ["FAIRWAY_TOKEN"]
ADDRESS = "{base}/api/v1/versions/{pk}"


def fetch(address):
    request = urllib.request.Request(address, headers={{"Authorization": "Bearer " + TOKEN}})
    return urllib.request.urlopen(request).read()


folder = pathlib.Path("{folder}")
for file in json.loads(fetch(ADDRESS))["manifest"]:
    content = fetch(ADDRESS + "/files/" + file["path"])
    assert hashlib.sha256(content).hexdigest() == file["sha256"], file["path"]
    target = folder / file["path"]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)

model = mlflow.pyfunc.load_model(str(folder))
"""


def version_snippet(base: str, version: ModelVersion) -> str:
    """`base` is the address of this installation without a slash at its end."""
    words = "".join(sign if sign.isalnum() else "-" for sign in version.model.name.lower())
    folder = "-".join(filter(None, words.split("-")))[:60] or "model"
    return _TEXT.format(base=base, pk=version.pk, folder=f"{folder}-v{version.number}")
