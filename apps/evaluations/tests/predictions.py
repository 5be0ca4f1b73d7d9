"""Tables of predictions for tests: the rows of a problem with the answers of an outside model beside the truth."""

from __future__ import annotations

from typing import Any

from apps.datasets.models import DatasetVersion
from apps.datasets.tests.factories import HEADER, csv_bytes, dataset_make, rows_make, version_sealed
from apps.evaluations import services
from apps.evaluations.models import Evaluation
from apps.registry.services import Brought
from apps.training.tests.factories import Ground

NAME = "Scorecard of the ministry"


def table_make(ground: Ground, header: list[str] | None = None, rows: Any = None, **columns: Any) -> DatasetVersion:
    """A sealed table of the problem with further columns: a value for each row from its number."""
    body = rows or rows_make(120)
    added = [[str(value(place)) for value in columns.values()] for place in range(len(body))]
    content = csv_bytes([row + more for row, more in zip(body, added, strict=True)], [*(header or HEADER), *columns])
    dataset = dataset_make(ground.scientist, ground.team, ground.problem)
    return version_sealed(ground.scientist, dataset, content)


def scores(place: int) -> float:
    return (place * 37 % 101) / 100


def others(place: int) -> float:
    return (place * 53 % 97) / 96.5


def judge(ground: Ground, data: DatasetVersion, against: services.Against | None = None, **said: Any) -> Evaluation:
    part, row_columns = said.pop("part", None), said.pop("row_columns", None)
    return services.predictions_judge(
        actor=said.pop("actor", ground.scientist),
        dataset_version_id=data.pk,
        brought=Brought(**({"name": NAME, "column": "score"} | said)),
        against=against or services.Against(),
        part=part,
        row_columns=row_columns,
    )


FLOWERS = {"task": "MULTICLASS", "target": "colour", "positive_label": "", "positive_word": "", "negative_word": ""}
MANY = FLOWERS | {
    "error_costs": {"currency": "CAD", "per_error": 10_000},
    "objectives": [{"metric": "accuracy", "limit": 0.5}],
    "segments": [{"name": "Employed", "expression": "employed", "purpose": "PERFORMANCE"}],
}
ORDER = MANY | {
    "task": "RANKING",
    "target": "checks",
    "error_costs": {},
    "objectives": [{"metric": "ndcg:5", "limit": 0.3}],
}
NUMBER = MANY | {
    "task": "REGRESSION",
    "target": "checks",
    "error_costs": {"currency": "CAD", "per_unit": 10_000},
    "objectives": [{"metric": "rmse", "limit": 5.0}],
}
