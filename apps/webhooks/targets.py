"""Where a webhook may lead: public addresses, and networks that the installation allows.

A name is resolved once for each attempt, every address it has is judged, and the connection goes to one of those
addresses and is not resolved again: a name that answers differently a moment later gains nothing.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings

from apps.core.errors import Invalid

URL_LIMIT = 500
_PLAIN = re.compile(r"^[!-~]+$")
_PORTS = {"https": 443, "http": 80}
# Addresses that carry another one, which a gateway on the way may unpack.
_CARRIERS = [ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """An address, taken apart."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS["https" if self.secure else "http"] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Take a URL apart. Raises Invalid at `url` for what is no plain http or https address."""
    if len(url) > URL_LIMIT or not _PLAIN.match(url) or "\\" in url:
        raise _wrong(f"A webhook's address is a URL of at most {URL_LIMIT} plain characters.")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise _wrong(f"This is no address: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise _wrong("A webhook's address begins with https:// and names a host.")
    if "@" in parts.netloc or parts.fragment:
        raise _wrong("A webhook's address holds no user and no fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", parts.hostname, port, path)


def host_of(url: str) -> str:
    """The host of an address, which may be named where its path may not: that one may hold a key."""
    try:
        return target_of(url).host_header
    except Invalid:
        return ""


def addresses_of(target: Target) -> list[str]:
    """Every address of the target's host, all of them allowed. Raises Invalid at `url`."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _wrong(f"The host {target.host} cannot be resolved.") from error
    texts = list(dict.fromkeys(str(row[4][0]) for row in found))
    for text in texts:
        address = ip_address(text)
        inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        if _is_named(inner or address):
            continue
        if not _is_public(inner or address):
            raise _wrong(
                f"{target.host} leads to an address that is not public. An administrator can allow its network "
                "(WEBHOOK_NETWORKS)."
            )
        if not target.secure:
            raise _wrong("A webhook's address begins with https://; only allowed networks are reached without.")
    return texts


def _is_named(address: Address) -> bool:
    return any(address in ip_network(network) for network in settings.WEBHOOK_NETWORKS)


def _is_public(address: Address) -> bool:
    if any(address in carrier for carrier in _CARRIERS):
        return False
    return address.is_global and not address.is_multicast and not getattr(address, "is_site_local", False)


def _wrong(sentence: str) -> Invalid:
    return Invalid.field("url", sentence)
