"""What one supervisor is told: where things lie, which ports, which parts are given from outside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from controlplane.stack.messages import StackError

ROOT = Path(__file__).resolve().parents[2]

# What any program needs of its surroundings; never a secret.
PLAIN = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV")
# What the settings read, and where cloud storage libraries and proxies are told what they need.
DJANGO = (
    "DATABASE_URL", "REDIS_URL", "STORAGE_URL", "SECRET_KEY", "GATEWAY_KEY", "ALLOWED_HOSTS", "PUBLIC_URL",
    "LIVE_URL", "LIVE_INTERNAL_URL", "GATEWAY_URL", "GATEWAY_INTERNAL_URL", "INTERNAL_URL", "EMAIL_URL", "EMAIL_FROM",
    "HTTPS", "LOG_LEVEL", "JOB_LOG_DAYS", "WEBHOOK_NETWORKS", "PACKAGE_INDEX_URL", "PACKAGE_FOLDER",
    "ENVIRONMENT_KEEP_DAYS", "DJANGO_SETTINGS_MODULE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
)  # fmt: skip
DJANGO_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_", "FAIRWAY_")


@dataclass(frozen=True, slots=True)
class StackConfig:
    """One installation on one machine. Ports are TCP ports of the loopback interface."""

    home: Path
    port: int
    live_port: int
    gateway_port: int
    database_url: str
    redis_url: str
    environ: Mapping[str, str] = field(repr=False)
    root: Path = ROOT

    @property
    def embeds_database(self) -> bool:
        return not self.database_url

    @property
    def embeds_broker(self) -> bool:
        return not self.redis_url

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live_url(self) -> str:
        return f"ws://127.0.0.1:{self.live_port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    def plain_environment(self) -> dict[str, str]:
        """The surroundings of a program that is told everything else by its arguments."""
        env = {name: self.environ[name] for name in PLAIN if name in self.environ}
        env["PYTHONUNBUFFERED"] = "1"
        env["PYTHONPATH"] = str(self.root)
        return env

    def django_environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        """The surroundings of a Django process: what the settings read, and nothing else of the caller's."""
        env = self.plain_environment()
        for name, value in self.environ.items():
            base = name.removesuffix("_FILE")
            if base in DJANGO or name.startswith(DJANGO_PREFIXES):
                env[name] = value
        env.pop("DATABASE_URL_FILE", None)
        env.pop("REDIS_URL_FILE", None)
        env.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings.dev")
        env |= {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "FAIRWAY_HOME": str(self.home),
            "PORT": str(self.port),
            "LIVE_PORT": str(self.live_port),
            "GATEWAY_PORT": str(self.gateway_port),
        }
        return env


def config_read(environ: Mapping[str, str] | None = None) -> StackConfig:
    """Read the configuration from environment variables. Raises StackError with the variable at fault."""
    env = dict(os.environ if environ is None else environ)

    def number(name: str, default: int) -> int:
        raw = env.get(name, "").strip()
        if raw and not (raw.isascii() and raw.isdigit()):
            raise StackError(f"{name} is {raw!r}, which is no port: choose a number from 1 to 65535.")
        return int(raw) if raw else default

    def text(name: str) -> str:
        file = env.get(f"{name}_FILE")
        if not file:
            return env.get(name, "").strip()
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise StackError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}.") from error

    database_url = text("DATABASE_URL")
    if database_url and urlsplit(database_url).scheme not in ("postgres", "postgresql"):
        raise StackError("DATABASE_URL must begin with postgres://, because Fairway runs on PostgreSQL only.")
    redis_url = text("REDIS_URL")
    if redis_url and urlsplit(redis_url).scheme not in ("redis", "rediss", "redis+socket"):
        raise StackError("REDIS_URL must begin with redis://, rediss:// or redis+socket://.")
    return StackConfig(
        home=Path(env.get("FAIRWAY_HOME") or ROOT / "var").expanduser().resolve(),
        port=number("PORT", 8000),
        live_port=number("LIVE_PORT", 8001),
        gateway_port=number("GATEWAY_PORT", 8002),
        database_url=database_url,
        redis_url=redis_url,
        environ=env,
    )
