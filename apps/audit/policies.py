"""Who reads the audit, and who may have the chain checked."""

from __future__ import annotations

from apps.core.actors import Actor, ActorKind, Role

_CHECKERS = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})


def may_open(actor: Actor) -> bool:
    """The audit page is in the rail of those who read more than their own entries, and of data scientists."""
    roles = {grant.role for grant in actor.grants}
    return bool(roles & {Role.ADMINISTRATOR, Role.AUDITOR, Role.PRODUCT_OWNER, Role.DATA_SCIENTIST})


def may_verify(actor: Actor) -> bool:
    """The whole chain is checked for administrators and auditors of the site: the report speaks of every team."""
    if actor.kind == ActorKind.SYSTEM:
        return True
    return actor.verb_in_scope("audit.read") and any(
        grant.team_id is None and grant.role in _CHECKERS for grant in actor.grants
    )
