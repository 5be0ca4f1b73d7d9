"""The product's own processes: what each is started with, and what each is told."""

from __future__ import annotations

import sys
from pathlib import Path

from controlplane.stack.child import ChildSpec
from controlplane.stack.config import StackConfig
from controlplane.stack.ports import HOST
from controlplane.stack.secret_files import private_write, secret, secret_path

WEB_WORKERS = 2
WEB_THREADS = 12
WORKER_THREADS = 8
QUEUES = ("default", "jobs")
MIGRATE = ("migrate", "--no-input")
# What packages ship and no page uses; some of it imports files that are not there.
COLLECT = (
    "collectstatic", "--no-input", "--verbosity", "0",
    "--ignore", "django_htmx/ext/*", "--ignore", "django_htmx/htm*-4*", "--ignore", "rest_framework/*",
    "--ignore", "drf_spectacular_sidecar/redoc/*",
)  # fmt: skip


def service_specs(config: StackConfig, database_url: str, redis_url: str) -> list[ChildSpec]:
    """Web, live, worker, beat and gateway. The gateway is told no address and no secret but its own key's file."""
    django = config.django_environment(database_url, redis_url)
    # Threads of one process share few arenas, else each keeps memory of its own that it never gives back.
    django["MALLOC_ARENA_MAX"] = "2"
    # Large pieces, as parts of uploads are, go back at once; by itself the C library raises this bound as it goes.
    django["MALLOC_MMAP_THRESHOLD_"] = str(256 * 1024)
    granian = (
        sys.executable, "-m", "granian", "--host", HOST, "--http", "1", "--no-access-log", "--log-level", "warning",
        "--workers-kill-timeout", "5",
    )  # fmt: skip
    celery = (sys.executable, "-m", "celery", "-A", "controlplane")

    def spec(name: str, argv: tuple[str, ...], env: dict[str, str], address: str = "", health: str = "") -> ChildSpec:
        return ChildSpec(
            name=name,
            argv=argv,
            env=env,
            log=config.logs / f"{name}.log",
            directory=config.root,
            address=address,
            health=health,
        )

    return [
        spec(
            "web",
            (
                *granian, "--interface", "wsgi", "--port", str(config.port), "--workers", str(WEB_WORKERS),
                "--blocking-threads", str(WEB_THREADS), "--no-ws", "--respawn-failed-workers",
                "--respawn-interval", "0.5", "controlplane.wsgi:application",
            ),
            django,
            config.web_url,
            f"{config.web_url}/health/ready",
        ),
        spec(
            "live",
            (
                *granian, "--interface", "asgi", "--port", str(config.live_port), "--workers", "1",
                "controlplane.asgi:application",
            ),
            django,
            config.live_url,
        ),
        spec(
            "worker",
            (
                *celery, "worker", "--pool", "threads", "--concurrency", str(WORKER_THREADS),
                "--queues", ",".join(QUEUES), "--hostname", "fairway@%h", "--loglevel", "WARNING",
                "--without-gossip", "--without-mingle",
            ),
            django,
        ),
        spec(
            "beat",
            (
                *celery, "beat", "--schedule", str(config.run / "beat-schedule"), "--pidfile", "",
                "--loglevel", "WARNING",
            ),
            django,
        ),
        spec(
            "gateway",
            (
                sys.executable, "-m", "workers.serving.gateway", "--url", config.web_url,
                "--port", str(config.gateway_port), "--home", str(config.home / "gateway"),
                "--key-file", str(gateway_key_file(config)),
            ),
            config.plain_environment(),
            config.gateway_url,
            f"{config.gateway_url}/v2/health/live",
        ),
    ]  # fmt: skip


def gateway_key_file(config: StackConfig) -> Path:
    """The file that holds the gateway's key: the installation's own, or one made from GATEWAY_KEY."""
    given = config.environ.get("GATEWAY_KEY", "").strip()
    file = config.environ.get("GATEWAY_KEY_FILE", "")
    if file:
        return Path(file)
    if given:
        path = config.run / "gateway-key"
        private_write(path, given)
        return path
    secret(config.home, "gateway-key")
    return secret_path(config.home, "gateway-key")


def manage_spec(config: StackConfig, env: dict[str, str], *arguments: str, terminal: bool = False) -> ChildSpec:
    """One command of manage.py as a child that ends by itself."""
    name = arguments[0]
    return ChildSpec(
        name=name,
        argv=(sys.executable, str(config.root / "manage.py"), *arguments),
        env=env,
        log=config.logs / f"{name}.log",
        directory=config.root,
        terminal=terminal,
    )
