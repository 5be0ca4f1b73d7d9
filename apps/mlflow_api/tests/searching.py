"""Searches of one person, for the tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apps.experiments import services
from apps.experiments.models import Run
from apps.experiments.services import MetricPoint
from apps.experiments.tests.factories import run_make
from apps.mlflow_api.tests.conftest import Caller, Person


class Searcher(Caller):
    """Searches of one person's script in one experiment."""

    def __init__(self, person: Person) -> None:
        super().__init__(person)
        self.person = person
        self.number = str(person.experiment.number)

    def make(self, name: str, *, metrics: dict[str, float] | None = None, **fields: Any) -> Run:
        """A run that began a second after the one before."""
        count = Run.objects.count()
        fields.setdefault("started_at", moment(1_000_000 + count * 1000))
        run = run_make(self.person.actor, self.person.experiment, name=name, **fields)
        points = [MetricPoint(key, value, 1, 0) for key, value in (metrics or {}).items()]
        services.metrics_log(actor=self.person.actor, run_id=run.pk, points=points)
        return run

    def answer(self, **body: Any) -> tuple[int, dict[str, Any]]:
        return self.post("runs/search", **{"experiment_ids": [self.number], **body})

    def names(self, **body: Any) -> list[str]:
        status, found = self.answer(**body)
        assert status == 200, found
        return [run["info"]["run_name"] for run in found.get("runs", [])]

    def pages(self, size: int, **body: Any) -> list[str]:
        """All names, a page at a time."""
        names: list[str] = []
        token = ""
        while True:
            status, found = self.answer(max_results=size, page_token=token, **body)
            assert status == 200, found
            names += [run["info"]["run_name"] for run in found.get("runs", [])]
            token = found.get("next_page_token", "")
            if not token:
                return names


def moment(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
