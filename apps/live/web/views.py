"""The polling twin of the WebSocket, for browsers and proxies without one."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse

from apps.core.api.exceptions import Unauthenticated
from apps.core.errors import Invalid, NotFound
from apps.core.web.views import public
from apps.live.following import Following, NotAllowed


@public  # answers a stranger with a 401 of its own: a program asks here, not a person
def replay(request: HttpRequest) -> JsonResponse:
    """GET ?topic=&after=: {"topic", "seq", "rows"}; ask again with `seq` until `rows` is empty."""
    actor = request.actor  # type: ignore[attr-defined]
    if not actor.is_authenticated:
        raise Unauthenticated("Sign in first.")
    after = request.GET.get("after", "0")
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise Invalid.field("after", "A whole number from 0.")
    following = Following(request.GET.get("topic", ""), int(after))
    try:
        rows = following.pull(actor)
    except NotAllowed as error:
        raise NotFound("There is no such topic, or you may not follow it.") from error
    response = JsonResponse({"topic": following.name, "seq": following.after, "rows": rows})
    response["Cache-Control"] = "no-store"
    return response
