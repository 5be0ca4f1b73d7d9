"""Writes a fitted model as an MLflow model directory in a format that runs no code when it is loaded.

mlflow.pyfunc.load_model opens it and returns probabilities for classifiers. What MLflow needs to be told
(trusted types) is written for MLflow; Fairway itself never reads it back.
"""

import datetime as dt
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from workers.contracts.model_files import ModelFormat
from workers.contracts.signature import Signature
from workers.runner.settling import archive_settle

MODEL_FILE = "model.skops"
FACTS_FILE = "fairway.json"
_PACKAGES = ("scikit-learn", "skops", "numpy", "scipy", "pandas", "lightgbm")
_MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose directory layout is written; the model itself needs none."""


def environment_facts() -> dict[str, Any]:
    """Python, platform and the versions of the packages that a model depends on, with their digest."""
    packages = {}
    for name in (*_PACKAGES, "pyarrow", "joblib", "threadpoolctl"):
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    digest = sha256(json.dumps([platform.python_version(), packages], sort_keys=True).encode()).hexdigest()
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages,
        "digest": digest,
    }


def requirements(with_lightgbm: bool) -> list[str]:
    """Pinned requirements of the model, without which it may load differently."""
    names = [name for name in _PACKAGES if name != "lightgbm" or with_lightgbm]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _mlflow_schema(signature: Signature) -> str:
    kinds = {"INT64": "long", "BOOL": "boolean", "BYTES": "string"}
    columns = []
    for tensor in signature.inputs:
        kind = kinds.get(tensor.datatype, "double")
        if not tensor.required and kind != "string":
            kind = "double"  # MLflow's whole numbers and booleans have no missing value
        columns.append({"type": kind, "name": tensor.name, "required": tensor.required})
    return json.dumps(columns)


def _mlflow_outputs(classes: Sequence[Any] | None) -> str:
    shape = [-1] if classes is None else [-1, len(classes)]
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": shape}}])


def model_write(
    directory: Path,
    estimator: Any,
    *,
    model_id: str,
    run_id: str,
    artifact_path: str,
    signature: Signature,
    facts: Mapping[str, Any],
) -> ModelFormat:
    """Writes the directory; raises OSError, or what skops raises for an object that it cannot describe."""
    import skops.io

    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    target, raw = directory / MODEL_FILE, directory / f".{MODEL_FILE}"
    skops.io.dump(estimator, raw)
    archive_settle(raw, target)
    raw.unlink()
    classes = facts.get("classes")
    needs = requirements("lightgbm" in str(facts.get("estimator", "")))
    python = platform.python_version()
    written = {
        "artifact_path": artifact_path,
        "flavors": {
            "python_function": {
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.sklearn",
                "model_path": MODEL_FILE,
                "predict_fn": "predict" if classes is None else "predict_proba",
                "python_version": python,
            },
            "sklearn": {
                "code": None,
                "pickled_model": MODEL_FILE,
                "serialization_format": "skops",
                "sklearn_version": importlib.metadata.version("scikit-learn"),
                "skops_trusted_types": sorted(skops.io.get_untrusted_types(file=target)),
            },
        },
        "is_signature_from_type_hint": False,
        "metadata": {"fairway": {key: facts[key] for key in ("task", "classes", "threshold", "recipe")}},
        "mlflow_version": _MLFLOW_VERSION,
        "model_id": model_id,
        "model_size_bytes": target.stat().st_size,
        "model_uuid": model_id,
        "prompts": None,
        "run_id": run_id,
        "signature": {
            "inputs": _mlflow_schema(signature),
            "outputs": _mlflow_outputs(classes),
            "params": None,
        },
        "type_hint_from_example": False,
        "utc_time_created": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    _yaml(directory / "MLmodel", written)
    conda = {
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": ["mlflow", *needs]}],
        "name": "mlflow-env",
    }
    _yaml(directory / "conda.yaml", conda)
    _yaml(
        directory / "python_env.yaml",
        {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
    )
    (directory / "requirements.txt").write_text("\n".join(["mlflow", *needs]) + "\n", encoding="utf-8")
    (directory / FACTS_FILE).write_text(
        json.dumps({**facts, "signature": signature.to_json()}, indent=1, default=str) + "\n",
        encoding="utf-8",
    )
    return ModelFormat.SKOPS


def _yaml(path: Path, data: Any) -> None:
    path.write_text(yaml.safe_dump(data, default_flow_style=False, sort_keys=False), encoding="utf-8")


def file_facts(directory: Path) -> list[dict[str, Any]]:
    """Path, sha256 and size of every file below a directory, by path."""
    found = []
    for path in sorted(one for one in directory.rglob("*") if one.is_file()):
        digest = sha256()
        with open(path, "rb") as file:
            while chunk := file.read(1024 * 1024):
                digest.update(chunk)
        found.append(
            {
                "path": path.relative_to(directory).as_posix(),
                "sha256": digest.hexdigest(),
                "size": path.stat().st_size,
            }
        )
    return found
