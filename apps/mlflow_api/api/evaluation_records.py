"""datasets/{id}/records: what is in an evaluation dataset."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.core.ids import id_read
from apps.experiments import selectors, services
from apps.experiments.services import RecordDraft
from apps.mlflow_api.api.evaluation_datasets import TAG, TAG_KEY, dataset_id_of
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.api.paging import limit_of, texts_of, token_of
from apps.mlflow_api.dataset_shapes import record_shape
from apps.mlflow_api.door import answer, args_of, body_of, json_of

PAGE = 1000
RECORDS_PER_CALL = 10_000
TAGS_PER_RECORD = 100
_SOURCES = ("UNSPECIFIED", "TRACE", "HUMAN", "DOCUMENT", "CODE")


def _wrong(index: int, sentence: str) -> Invalid:
    return Invalid.field("records", f"Invalid value for parameter 'records[{index}]' supplied: {sentence}")


def _object(row: dict[str, Any], name: str, index: int) -> dict[str, Any] | None:
    value = row.get(name)
    if value is not None and not isinstance(value, dict):
        raise _wrong(index, f"'{name}' must be a JSON object.")
    return value


def _source(row: dict[str, Any], index: int) -> dict[str, Any] | None:
    source = _object(row, "source", index)
    if not source:
        return None
    kind, data = str(source.get("source_type") or "UNSPECIFIED").upper(), source.get("source_data") or {}
    if kind not in _SOURCES:
        raise _wrong(index, f"Invalid dataset record source type: {kind[:60]}. Valid source types: {list(_SOURCES)}")
    if not isinstance(data, dict):
        raise _wrong(index, "'source_data' must be a JSON object.")
    return {"source_type": kind, "source_data": data}


def _draft(row: Any, index: int) -> RecordDraft:
    if not isinstance(row, dict):
        raise _wrong(index, "a JSON object is expected.")
    tags = {
        length_check("tag key", key, TAG_KEY): length_check("tag value", str(value), TAG)
        for key, value in (_object(row, "tags", index) or {}).items()
    }
    if len(tags) > TAGS_PER_RECORD:
        raise _wrong(index, f"at most {TAGS_PER_RECORD} tags.")
    return RecordDraft(
        inputs=_object(row, "inputs", index) or {},
        outputs=row.get("outputs"),
        has_outputs="outputs" in row,
        expectations=_object(row, "expectations", index),
        tags=tags,
        source=_source(row, index),
    )


def upsert(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    rows = json_of(body_of(request), "records")
    if not isinstance(rows, list):
        raise Invalid.field("records", "Invalid value for parameter 'records' supplied: a list is expected.")
    if len(rows) > RECORDS_PER_CALL:
        raise Invalid.field("records", f"A request can contain at most {RECORDS_PER_CALL} records. Got {len(rows)}.")
    drafts = [_draft(row, index) for index, row in enumerate(rows)]
    added, changed = services.evaluation_records_upsert(
        actor=actor, dataset_id=dataset_id_of(dataset_id), drafts=drafts
    )
    return answer({"inserted_count": added, "updated_count": changed})


def search(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    """A page of records, written as the text of a JSON list."""
    source = args_of(request)
    dataset = selectors.evaluation_dataset_get(actor, dataset_id_of(dataset_id))
    found, token = selectors.evaluation_record_page(dataset, token=token_of(source), limit=limit_of(source, PAGE, PAGE))
    shape = {"records": json.dumps([record_shape(dataset, record) for record in found])}
    return answer({**shape, "next_page_token": token} if token else shape)


def delete(actor: Actor, request: HttpRequest, dataset_id: str) -> HttpResponseBase:
    """Remove records for good; ids that are not there are passed over, as in MLflow."""
    named = texts_of(body_of(request), "dataset_record_ids")
    if len(named) > RECORDS_PER_CALL:
        raise Invalid.field("dataset_record_ids", f"A request can name at most {RECORDS_PER_CALL} records.")
    ids = [pk for text in named if (pk := id_read(text.removeprefix("dr-"))) is not None]
    count = services.evaluation_records_delete(actor=actor, dataset_id=dataset_id_of(dataset_id), record_ids=ids)
    return answer({"deleted_count": count})
