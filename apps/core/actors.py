"""Who acts: a value that services and querysets take instead of a request or a user row.

An actor is built once per request (or task) from present rights, so that a token never has more than its
owner has now (invariant I31).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from enum import StrEnum


class ActorKind(StrEnum):
    """How the actor proved who it is."""

    USER = "USER"
    TOKEN = "TOKEN"  # noqa: S105 - a kind, not a secret
    RUN = "RUN"
    SYSTEM = "SYSTEM"
    ANONYMOUS = "ANONYMOUS"


class Role(StrEnum):
    """Roles of the domain; grants of roles are additive."""

    VIEWER = "VIEWER"
    DATA_SCIENTIST = "DATA_SCIENTIST"
    PRODUCT_OWNER = "PRODUCT_OWNER"
    OPERATOR = "OPERATOR"
    ADMINISTRATOR = "ADMINISTRATOR"
    AUDITOR = "AUDITOR"


_EVERYBODY = frozenset(Role)

# The role table of the domain. A verb that is not listed here is refused to everybody.
VERB_ROLES: dict[str, frozenset[Role]] = {
    "view": _EVERYBODY,
    "data.edit": frozenset({Role.DATA_SCIENTIST}),
    "job.run": frozenset({Role.DATA_SCIENTIST, Role.OPERATOR}),
    "job.prioritise": frozenset({Role.PRODUCT_OWNER, Role.OPERATOR}),
    "model.register": frozenset({Role.DATA_SCIENTIST}),
    "problem.edit": frozenset({Role.DATA_SCIENTIST, Role.PRODUCT_OWNER}),
    "problem.accept": frozenset({Role.PRODUCT_OWNER}),
    "approval.request": frozenset({Role.DATA_SCIENTIST, Role.OPERATOR}),
    "approval.decide": frozenset({Role.PRODUCT_OWNER}),
    "deploy.start": frozenset({Role.OPERATOR}),
    "deploy.stop": frozenset({Role.PRODUCT_OWNER, Role.OPERATOR}),
    "kill.switch": frozenset({Role.PRODUCT_OWNER, Role.OPERATOR, Role.ADMINISTRATOR}),
    "policy.activate": frozenset({Role.ADMINISTRATOR}),
    "people.manage": frozenset({Role.ADMINISTRATOR}),
    "quota.manage": frozenset({Role.ADMINISTRATOR}),
    "target.manage": frozenset({Role.ADMINISTRATOR, Role.OPERATOR}),
    "audit.read": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.PRODUCT_OWNER}),
    "predict": frozenset({Role.DATA_SCIENTIST, Role.PRODUCT_OWNER, Role.OPERATOR}),
}

# What an API token may be limited to. A scope widens nothing: it only keeps part of the owner's verbs.
SCOPE_VERBS: dict[str, frozenset[str]] = {
    "read": frozenset({"view", "audit.read"}),
    "write": frozenset(VERB_ROLES)
    - {"approval.decide", "people.manage", "policy.activate", "kill.switch", "quota.manage"},
    "decide": frozenset({"view", "approval.decide", "problem.accept", "kill.switch"}),
    "admin": frozenset({"view", "people.manage", "policy.activate", "target.manage", "quota.manage", "audit.read"}),
    "predict": frozenset({"predict"}),
}


_NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """One role held now; `team_id` is None for the whole site."""

    role: Role
    team_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Present rights of one person, token, run or of the system itself."""

    kind: ActorKind
    id: uuid.UUID | None
    label: str
    grants: frozenset[RoleGrant] = frozenset()
    scopes: frozenset[str] | None = None
    token_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    attempt_id: uuid.UUID | None = None
    team_id: uuid.UUID | None = None
    mfa: bool = False
    request_id: str = field(default="", compare=False)
    # Verbs that the owner holds and the token's scopes took away in this request, so that a refusal can say so.
    out_of_scope: list[str] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def system(cls, label: str = "system") -> Actor:
        """The product itself: beat tasks and the reactions to finished jobs."""
        return cls(kind=ActorKind.SYSTEM, id=None, label=label)

    @classmethod
    def anonymous(cls, request_id: str = "") -> Actor:
        """Nobody in particular: sees and may do nothing."""
        return cls(kind=ActorKind.ANONYMOUS, id=None, label="anonymous", request_id=request_id)

    @property
    def is_authenticated(self) -> bool:
        return self.kind is not ActorKind.ANONYMOUS

    @property
    def person_id(self) -> uuid.UUID:
        """Id of the person behind; an id that no row has when there is nobody."""
        return self.id or _NOBODY

    @property
    def is_person(self) -> bool:
        """True for a signed-in person or a token of a person."""
        return self.kind in (ActorKind.USER, ActorKind.TOKEN)

    def verb_in_scope(self, verb: str) -> bool:
        if self.scopes is None:
            return True
        return any(verb in SCOPE_VERBS.get(scope, frozenset()) for scope in self.scopes)

    def can(self, verb: str, team_id: uuid.UUID | None) -> bool:
        """May this actor do `verb` in that team (None: on the whole site)?

        The system may do everything; a run may do nothing by verbs (it has its own policy functions).
        """
        if self.kind is ActorKind.SYSTEM:
            return True
        roles = VERB_ROLES.get(verb, frozenset())
        held = any(g.role in roles and (g.team_id is None or g.team_id == team_id) for g in self.grants)
        if held and not self.verb_in_scope(verb):
            self.out_of_scope.append(verb)
            return False
        return held

    def team_ids(self, verb: str = "view") -> frozenset[uuid.UUID] | None:
        """Teams in which the actor may do `verb`; None means all teams."""
        if self.kind is ActorKind.SYSTEM:
            return None
        if not self.verb_in_scope(verb):
            return frozenset()
        roles = VERB_ROLES.get(verb, frozenset())
        held = [g for g in self.grants if g.role in roles]
        if any(g.team_id is None for g in held):
            return None
        return frozenset(g.team_id for g in held if g.team_id is not None)

    def within(self, team_id: uuid.UUID) -> Actor:
        """The same actor with what it may see and do in one team alone; a role on the site is one in that team."""
        held = frozenset(RoleGrant(g.role, team_id) for g in self.grants if g.team_id in (None, team_id))
        return replace(self, grants=held)

    def roles_in(self, team_id: uuid.UUID | None) -> frozenset[Role]:
        return frozenset(g.role for g in self.grants if g.team_id is None or g.team_id == team_id)
