"""Further versions that answer the same rows, so that an evaluation says what each adds to the others."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from analysis.contracts.metrics import RANKING
from apps.core.actors import Actor
from apps.core.errors import Invalid
from apps.registry import selectors as registry

if TYPE_CHECKING:
    from apps.registry.models import ModelVersion

MOST_MEMBERS: Final = 6
SURE: Final = 0.9
FIELD: Final = "member_version_ids"


@dataclass(frozen=True, slots=True)
class Company:
    """Who else answers: the versions in the order of the cascade, behind the one that is evaluated, and from which
    probability of its likeliest class a member of the cascade answers.
    """

    ids: tuple[uuid.UUID, ...] = ()
    sure: float = SURE

    @classmethod
    def of(cls, ids: Sequence[uuid.UUID] | None, sure: float | None = None) -> Company:
        """From the input of a call."""
        return cls(tuple(ids or ()), SURE if sure is None else sure)

    @classmethod
    def of_spec(cls, spec: dict[str, Any]) -> Company:
        """From a job's spec: what a retry asks again."""
        ids = [uuid.UUID(one["version_id"]) for one in spec.get("members") or ()]
        return cls.of(ids, spec.get("sure"))

    def spec(self, versions: Sequence[ModelVersion]) -> dict[str, Any]:
        """As the child is told; nothing when nobody else answers."""
        if not versions:
            return {}
        return {"members": [registry.model_ref(one) for one in versions], "sure": self.sure}


def members_get(actor: Actor, company: Company, version: ModelVersion) -> list[ModelVersion]:
    """The members, each of which answers the question of `version` and can be loaded or was brought.

    Raises NotFound for one that the actor may not see, Invalid at the field, which names the member.
    """
    if not (math.isfinite(company.sure) and 0.5 <= company.sure <= 1):
        raise Invalid.field("sure", "A probability of the likeliest class is a number from 0.5 to 1.")
    if len(company.ids) > MOST_MEMBERS:
        raise Invalid.field(FIELD, f"At most {MOST_MEMBERS} further versions are combined, not {len(company.ids)}.")
    if len(set(company.ids)) != len(company.ids):
        raise Invalid.field(FIELD, "Name each version once.")
    if company.ids and version.task == RANKING:
        raise Invalid.field(FIELD, "Rankings are not combined: scores of different models order by different scales.")
    found = []
    for pk in company.ids:
        member = registry.model_version_get(actor, pk)
        reason = _obstacle(member, version)
        if reason:
            raise Invalid.field(FIELD, reason)
        found.append(member)
    return found


def _obstacle(member: ModelVersion, version: ModelVersion) -> str:
    """Why a version cannot answer together with another; empty when it can."""
    if member.pk == version.pk:
        return f"{member} is the version that is evaluated: it is a member already."
    if member.team_id != version.team_id or member.model.problem_id != version.model.problem_id:
        return f"{member} answers another problem's question."
    if member.task != version.task:
        return f"{member} answers another question: its task is {member.task or 'not known'}, not {version.task}."
    if member.classes and version.classes and _labels(member) != _labels(version):
        strange = sorted(_labels(member) ^ _labels(version))
        return f"{member} knows other classes than {version}: “{strange[0][:100]}” is known to one of them only."
    if member.state != "SEALED":
        return f"{member} is {member.get_state_display()}; only a sealed version is loaded."
    gap = registry.signature_missing(member)
    return f"{member} cannot be evaluated. {gap}" if gap and member.brought_on_id is None else ""


def _labels(version: ModelVersion) -> set[str]:
    return {str(one) for one in version.classes or ()}
