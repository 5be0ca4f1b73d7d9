"""Reading experiments."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject

from apps.core.actors import Actor
from apps.core.errors import NotFound
from apps.experiments.models import EvaluationDataset, Experiment, Run, SavedView
from apps.experiments.selectors.pulse import Pulse, pulse_parts, pulse_read
from apps.experiments.selectors.saved_views import view_list
from apps.problems.selectors import objectives_in_force


def experiment_get(actor: Actor, pk: uuid.UUID) -> Experiment:
    """Raises NotFound."""
    found: Experiment | None = Experiment.objects.visible_to(actor).select_related("problem").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    return found


def experiment_get_with_aims(actor: Actor, pk: uuid.UUID) -> tuple[Experiment, list[str]]:
    """An experiment, and the metrics that its problem aims at in their order, in one query. Raises NotFound.

    The experiment has `is_judged`: is there an evaluation dataset for it?
    """
    return _with_aims(actor, pk, Experiment.objects.all())


def _with_aims(actor: Actor, pk: uuid.UUID, rows: Any) -> tuple[Any, list[str]]:
    aims = ArraySubquery(objectives_in_force(OuterRef("problem_id")).values("metric"))
    datasets = EvaluationDataset.objects.filter(experiments=OuterRef("pk"), archived_at__isnull=True)
    rows = rows.visible_to(actor).select_related("problem")
    found: Any = rows.annotate(aims=aims, is_judged=Exists(datasets)).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such experiment, or you may not see it.")
    return found, list(dict.fromkeys(found.aims))


def experiment_with_views(actor: Actor, pk: uuid.UUID) -> tuple[Experiment, list[str], list[SavedView], Pulse]:
    """What the page of an experiment begins with, in one query: as `experiment_get_with_aims`, with the views that the
    actor may use and the pulse. Raises NotFound.
    """
    views = view_list(actor, OuterRef("pk")).values(
        told=JSONObject(id="id", name="name", query="query", owner_id="owner_id", is_default="is_default")
    )
    rows = Experiment.objects.annotate(views_told=ArraySubquery(views), **pulse_parts())
    found, aims = _with_aims(actor, pk, rows)
    held = [SavedView(experiment_id=pk, team_id=found.team_id, **told) for told in found.views_told]
    return found, aims, held, pulse_read(found)


def experiment_by_number(actor: Actor, number: int) -> Experiment:
    """As MLflow clients address it. Raises NotFound."""
    rows = Experiment.objects.visible_to(actor).select_related("team")
    found: Experiment | None = rows.filter(number=number).first()
    if found is None:
        raise NotFound(f"There is no experiment {number}, or you may not see it.")
    return found


def experiment_ids(actor: Actor, numbers: Iterable[int]) -> list[uuid.UUID]:
    """Of those that clients call by these numbers and that the actor sees."""
    rows = Experiment.objects.visible_to(actor).filter(number__in=list(numbers))
    return list(rows.values_list("pk", flat=True))


def experiment_by_name(actor: Actor, name: str, *, team_id: uuid.UUID | None = None) -> Experiment:
    """The team's experiment of that name, archived ones too; spelled in other capitals where none is spelled so.

    Without a team, of any team that the actor sees, the oldest first. Raises NotFound.
    """
    rows = Experiment.objects.visible_to(actor).select_related("team").filter(name__iexact=name)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    found: list[Experiment] = list(rows.order_by("id"))
    if not found:
        raise NotFound(f"Could not find experiment with name '{name}'.")
    return next((experiment for experiment in found if experiment.name == name), found[0])


def experiment_tagged(actor: Actor, team_id: uuid.UUID, tags: Mapping[str, str]) -> Experiment | None:
    """The team's oldest experiment with these tags, archived ones too."""
    rows = Experiment.objects.visible_to(actor).filter(team_id=team_id, tags__contains=dict(tags))
    found: Experiment | None = rows.order_by("id").first()
    return found


def experiment_default_number(team_id: uuid.UUID) -> int | None:
    """What a team's clients mean by experiment 0; None before its first use."""
    named = Experiment.objects.filter(team_id=team_id, is_default=True)
    return named.values_list("number", flat=True).first()


def experiment_list(
    actor: Actor,
    *,
    team_id: uuid.UUID | None = None,
    problem_id: uuid.UUID | None = None,
    archived: bool = False,
) -> QuerySet[Experiment]:
    """With the number of runs and when the newest began."""
    rows: QuerySet[Experiment] = (
        Experiment.objects.visible_to(actor).select_related("problem").filter(archived_at__isnull=not archived)
    )
    if team_id:
        rows = rows.filter(team_id=team_id)
    if problem_id:
        rows = rows.filter(problem_id=problem_id)
    held = Run.objects.filter(experiment=OuterRef("pk"), deleted_at__isnull=True)
    return rows.annotate(
        run_count=Subquery(held.values("experiment").annotate(n=Count("*")).values("n")),
        newest_run_at=Subquery(held.order_by("-started_at", "pk").values("started_at")[:1]),
    )


def experiment_search(actor: Actor, text: str, limit: int) -> QuerySet[Experiment]:
    """Experiments by a part of their name or by id."""
    condition = Q(name__icontains=text)
    with contextlib.suppress(ValueError):
        condition |= Q(pk=uuid.UUID(text))
    rows: QuerySet[Experiment] = Experiment.objects.visible_to(actor).select_related("problem")
    return rows.filter(condition).order_by("-id")[:limit]
