"""Who is at the other end of a socket, and from which page."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.module_loading import import_string

from apps.accounts.selectors import actor_of_user
from apps.core.actors import Actor

_DEFAULT_PORTS = {"http": 80, "https": 443}


def actor_of_session(session_key: str | None) -> Actor:
    """The actor of a session as it is now: nobody, once it has ended or its person may no longer sign in."""
    if not session_key:
        return Actor.anonymous()
    store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request = HttpRequest()
    request.session = store(session_key)  # type: ignore[assignment]
    user = auth.get_user(request)
    if not user.is_authenticated:
        return Actor.anonymous()
    methods = request.session.get("account_authentication_methods", [])
    mfa = any(m.get("method") == "mfa" for m in methods)
    return actor_of_user(user, mfa=mfa, just_read=True)  # type: ignore[arg-type]


def _origin(url: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) of an address; None when it is not one of a web page."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname.lower(), port or _DEFAULT_PORTS[parts.scheme]


def origins_allowed() -> frozenset[tuple[str, str, int]]:
    """Where our own pages come from: the public address, and the allowed hosts on the web's port."""
    public = _origin(settings.PUBLIC_URL)
    if public is None:
        return frozenset()
    hosts = [host.strip("[]") for host in settings.ALLOWED_HOSTS if host != "*" and not host.startswith(".")]
    local = {(public[0], host, public[2]) for host in hosts}
    return frozenset({public} | local | {("http", host, settings.PORTS["web"]) for host in hosts if _loopback(host)})


def _loopback(host: str) -> bool:
    return host in ("localhost", "127.0.0.1", "::1")


def origin_valid(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Does the Origin header name one of our own pages, by scheme, host and port? Without one: no."""
    given = [value for name, value in headers if name == b"origin"]
    if len(given) != 1:
        return False
    return _origin(given[0].decode("latin-1")) in origins_allowed()
