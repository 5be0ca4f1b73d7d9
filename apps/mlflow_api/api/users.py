"""users/*: people as MLflow's accounts. What would step around Fairway's rules says where it is done instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts import selectors, services
from apps.core.actors import Actor, Role
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.policies import require
from apps.mlflow_api.account_shapes import grant_role_shape, is_administrator, user_shape
from apps.mlflow_api.api.limits import length_check
from apps.mlflow_api.door import answer, args_of, body_of, flag_of, text_of

if TYPE_CHECKING:
    from apps.accounts.models import Grant, User

# MLflow's list has no pages.
LIST_LIMIT = 5_000
_USERNAME = 150


def require_knows_people(actor: Actor) -> None:
    """Raise Forbidden for a job's attempt, and for a token that may not read: neither is told who is here."""
    require(actor.is_person and actor.verb_in_scope("view"), "This takes a person's token with the scope “read”.")


def named(actor: Actor, source: Any) -> User:
    """The person that a call names. Raises Forbidden, Invalid, NotFound."""
    require_knows_people(actor)
    return selectors.user_named(actor, length_check("username", text_of(source, "username"), _USERNAME))


def grants_of(actor: Actor, user: User) -> list[Grant]:
    """What the person holds now, as far as the actor may see it."""
    return list(selectors.grants_held(actor, user_id=user.pk).order_by("id"))


def _person(actor: Actor, user: User) -> dict[str, Any]:
    return user_shape(user, grants_of(actor, user))


def get(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    return answer({"user": _person(actor, named(actor, args_of(request)))})


def current(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    require_knows_people(actor)
    user = selectors.user_get(actor, actor.person_id)
    return answer({"user": _person(actor, user), "is_basic_auth": False})


def search(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """People of the actor's teams, all for an administrator of the site, with the roles that the actor may see."""
    require_knows_people(actor)
    people: Iterable[User] = selectors.user_list(actor, state="ACTIVE").order_by("username", "id")[:LIST_LIMIT]
    held: dict[Any, list[Grant]] = defaultdict(list)
    for grant in selectors.grants_held(actor).order_by("id"):
        held[grant.user_id].append(grant)
    shapes = [
        {**user_shape(user, held[user.pk]), "roles": [grant_role_shape(grant) for grant in held[user.pk]]}
        for user in people
    ]
    return answer({"users": shapes})


def create(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """By an administrator of the site. The person's address is `email`, or the user name when that is one."""
    body = body_of(request)
    require_knows_people(actor)
    if body.get("password"):
        raise Forbidden(
            "A password is set by its owner alone. Leave it empty: the person comes in by a sign-in link "
            "(Admin, People) or by “Forgot your password?”."
        )
    username = length_check("username", text_of(body, "username"), _USERNAME)
    email = text_of(body, "email", required=False) or username
    if "@" not in email:
        raise Invalid.field("email", "Send the person's address as 'email', or as the user name.")
    user = services.user_create(actor=actor, username=username, email=email)
    return answer({"user": user_shape(user, ())})


def update_admin(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """Make somebody administrator of the whole site, or no longer: by another administrator."""
    body = body_of(request)
    user, wanted = named(actor, body), flag_of(body, "is_admin")
    if user.pk == actor.person_id:
        raise Forbidden("Nobody makes themselves administrator, or ends being it. Another administrator does.")
    held = next((grant for grant in grants_of(actor, user) if is_administrator([grant])), None)
    if wanted:
        services.grant_add(actor=actor, user=user, team=None, role=Role.ADMINISTRATOR)
    elif held is None:
        raise NotFound(f"{user.username} is not an administrator of the whole site.")
    else:
        services.grant_remove(actor=actor, grant_id=held.pk)
    return answer({})


def delete(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    """End all that a person holds; their name stays on what they did."""
    user = named(actor, body_of(request))
    services.person_remove(actor=actor, user_id=user.pk, reason="MLflow's delete of a user")
    return answer({})


def update_password(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    raise Forbidden("A password is changed by its owner alone, signed in, on the page “Account”.")


def sign_up(actor: Actor, request: HttpRequest) -> HttpResponseBase:
    raise Forbidden("People come by invitation: Admin, Invitations.")
