"""Evaluation datasets and their records in MLflow's JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apps.experiments.selectors import evaluation_dataset_digest
from apps.mlflow_api.shapes import millis

if TYPE_CHECKING:
    from apps.experiments.models import EvaluationDataset, EvaluationRecord


def dataset_id_text(dataset: EvaluationDataset) -> str:
    return f"d-{dataset.pk.hex}"


def dataset_shape(
    dataset: EvaluationDataset, *, records: int = 0, numbers: Iterable[int] | None = None
) -> dict[str, Any]:
    """A dataset with `records` records, for the experiments of these numbers where they are told."""
    shape: dict[str, Any] = {
        "dataset_id": dataset_id_text(dataset),
        "name": dataset.name,
        "digest": evaluation_dataset_digest(dataset),
        "created_time": millis(dataset.created_at),
        "last_update_time": millis(dataset.updated_at),
        "created_by": dataset.created_by_label,
        "last_updated_by": dataset.updated_by_label,
        "tags": json.dumps(dataset.tags),
    }
    if dataset.schema is not None:
        shape["schema"] = json.dumps(dataset.schema)
    if records:
        shape["profile"] = json.dumps({"num_records": records})
    told = [str(number) for number in numbers or ()]
    return {**shape, "experiment_ids": told} if told else shape


def record_shape(dataset: EvaluationDataset, record: EvaluationRecord) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "dataset_record_id": f"dr-{record.pk.hex}",
        "dataset_id": dataset_id_text(dataset),
        "inputs": record.inputs,
        "created_time": millis(record.created_at),
        "last_update_time": millis(record.updated_at),
        "tags": record.tags,
        "created_by": record.created_by_label,
        "last_updated_by": record.updated_by_label,
    }
    if record.outputs is not None:
        shape["outputs"] = record.outputs
    if record.expectations is not None:
        shape["expectations"] = record.expectations
    if record.source is not None:
        data = record.source["source_data"]
        named = data.get("trace_id" if record.source["source_type"] == "TRACE" else "source_id")
        shape |= {"source": record.source, "source_type": record.source["source_type"]}
        if isinstance(named, str):
            shape["source_id"] = named
    return shape
