"""The only reader of environment variables: one frozen value that the settings are made of.

A secret may be given by a variable, or by a variable ending in _FILE that names a file (as container secrets are).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _text(name: str, default: str = "") -> str:
    file = os.environ.get(f"{name}_FILE")
    if file:
        return Path(file).read_text().strip()
    return os.environ.get(name, default)


def _flag(name: str, default: bool) -> bool:
    raw = _text(name)
    return default if raw == "" else raw.lower() in ("1", "true", "yes", "on")


def _list(name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _text(name).split(",") if part.strip())


def _networks(name: str) -> tuple[str, ...]:
    for network in _list(name):
        try:
            ip_network(network)
        except ValueError as error:
            raise ValueError(f"{name} must list networks such as 10.0.0.0/8, not {network!r}.") from error
    return _list(name)


def _secret(home: Path, name: str) -> str:
    """A secret of this installation, made once and kept in a file that only its owner reads."""
    path = home / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        value = secrets.token_urlsafe(48)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as handle:
            handle.write(value)
        return value
    return path.read_text().strip()


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything that may differ from one installation to the next."""

    home: Path
    port: int
    live_port: int
    gateway_port: int
    database_url: str
    redis_url: str
    storage_url: str
    secret_key: str
    gateway_key: str
    allowed_hosts: tuple[str, ...]
    public_url: str
    live_url: str
    live_internal_url: str
    gateway_url: str
    gateway_internal_url: str
    internal_url: str
    email_url: str
    email_from: str
    https: bool
    webhook_networks: tuple[str, ...]
    package_index_url: str
    package_folder: str
    environment_keep_days: int
    log_level: str
    job_log_days: int


def environment() -> Environment:
    """Read the environment now. Raises ValueError with a sentence when a number or a network is not one."""
    home = Path(_text("FAIRWAY_HOME", str(ROOT / "var"))).expanduser().resolve()

    def number(name: str, default: int, what: str = "a port number") -> int:
        raw = _text(name)
        if raw and not raw.isdigit():
            raise ValueError(f"{name} must be {what}, not {raw!r}.")
        return int(raw) if raw else default

    def days(name: str, default: int) -> int:
        raw = _text(name)
        if raw and not (raw.isdigit() and int(raw) > 0):
            raise ValueError(f"{name} must be a number of days, not {raw!r}.")
        return int(raw) if raw else default

    port = number("PORT", 8000)
    live_port = number("LIVE_PORT", 8001)
    gateway_port = number("GATEWAY_PORT", 8002)
    gateway_url = _text("GATEWAY_URL")
    return Environment(
        home=home,
        port=port,
        live_port=live_port,
        gateway_port=gateway_port,
        database_url=_text("DATABASE_URL"),
        redis_url=_text("REDIS_URL"),
        storage_url=_text("STORAGE_URL") or f"file://{home / 'storage'}",
        secret_key=_text("SECRET_KEY") or _secret(home, "secret-key"),
        gateway_key=_text("GATEWAY_KEY") or _secret(home, "gateway-key"),
        allowed_hosts=_list("ALLOWED_HOSTS") or ("localhost", "127.0.0.1", "[::1]"),
        # A name, not an address: browsers keep passkeys to names.
        public_url=_text("PUBLIC_URL") or f"http://localhost:{port}",
        live_url=_text("LIVE_URL"),
        # Where the web process asks the live process how it is.
        live_internal_url=_text("LIVE_INTERNAL_URL") or f"http://127.0.0.1:{live_port}",
        gateway_url=gateway_url or f"http://localhost:{gateway_port}",
        # Where the web process reaches the gateway, when that is not the address that callers use.
        gateway_internal_url=_text("GATEWAY_INTERNAL_URL") or gateway_url or f"http://127.0.0.1:{gateway_port}",
        internal_url=_text("INTERNAL_URL") or f"http://127.0.0.1:{port}",
        email_url=_text("EMAIL_URL", "console:"),
        email_from=_text("EMAIL_FROM", "fairway@localhost"),
        https=_flag("HTTPS", False),
        webhook_networks=_networks("WEBHOOK_NETWORKS"),
        package_index_url=_text("PACKAGE_INDEX_URL"),
        package_folder=_text("PACKAGE_FOLDER"),
        environment_keep_days=days("ENVIRONMENT_KEEP_DAYS", 30),
        log_level=_text("LOG_LEVEL", "INFO"),
        job_log_days=number("JOB_LOG_DAYS", 365, "a number of days"),
    )


ENV = environment()
