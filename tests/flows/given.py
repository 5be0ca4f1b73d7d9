"""Servers that somebody else runs: PostgreSQL and Valkey on TCP with a password, and a store that speaks S3."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psycopg
import redis

from controlplane.stack.child import Child, ChildSpec
from controlplane.stack.config import ROOT
from controlplane.stack.embedded import config_for
from controlplane.stack.ports import ports_free
from controlplane.stack.postgres import Postgres
from controlplane.stack.ready import http_status, wait_until
from controlplane.stack.secret_files import secret
from controlplane.stack.valkey import binary as valkey_binary

BUCKET, KEYS = "models", {"aws_access_key_id": "fairway-key", "aws_secret_access_key": "fairway-secret"}


class Store:
    """An S3-speaking server in a process of its own, with one bucket."""

    def __init__(self, log: Path) -> None:
        (self.port,) = ports_free(1)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT)
        wait_until(lambda: http_status(self.endpoint) == 200, 60, "the S3 server")
        self.client().create_bucket(Bucket=BUCKET)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Nobody answers at its address while the context is open; what it holds stays."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **KEYS)

    def sizes(self) -> dict[str, int]:
        """Name and bytes of everything in the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {row["Key"]: row["Size"] for page in pages for row in page.get("Contents", [])}

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/fairway?endpoint_url={self.endpoint}"

    @property
    def environ(self) -> dict[str, str]:
        """Credentials as S3's own library looks for them."""
        names = {name.upper(): value for name, value in KEYS.items()}
        return names | {"AWS_DEFAULT_REGION": "us-east-1", "STORAGE_URL": self.url}


@dataclass(frozen=True)
class Given:
    """Addresses of servers on TCP, and the store."""

    database_url: str
    redis_url: str
    store: Store

    @property
    def environ(self) -> dict[str, str]:
        return self.store.environ | {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


@contextmanager
def given_open() -> Iterator[Given]:
    """Start the three, and end and remove them afterwards."""
    home = Path(tempfile.mkdtemp(prefix="fairway-given-"))
    store = Store(home / "s3.log")
    children: list[Child] = []
    try:
        database_url, database = _postgres(home)
        children.append(database)
        redis_url, broker = _valkey(home)
        children.append(broker)
        store.start()
        yield Given(database_url, redis_url, store)
    finally:
        store.stop()
        for child in children:
            child.kill()
        shutil.rmtree(home, ignore_errors=True)


def _postgres(home: Path) -> tuple[str, Child]:
    sockets = home / "sockets"
    sockets.mkdir(mode=0o700)
    server = Postgres(home, sockets, config_for(home).plain_environment(), durable=False)
    server.initialise()
    (port,) = ports_free(1)
    spec = server.spec()
    child = Child(replace(spec, argv=(*spec.argv, "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}")))
    child.start()
    url = f"postgres://fairway:{secret(home, 'database-password')}@127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with psycopg.connect(f"{url}/postgres", connect_timeout=2, autocommit=True) as connection:
                connection.execute("CREATE DATABASE control")
        except psycopg.OperationalError:
            return False
        return True

    wait_until(answers, 60, "PostgreSQL on TCP")
    return f"{url}/control", child


def _valkey(home: Path) -> tuple[str, Child]:
    (port,) = ports_free(1)
    password = secret(home, "valkey-password")
    url = f"redis://:{password}@127.0.0.1:{port}/3"
    log = home / "logs" / "valkey.log"
    log.parent.mkdir(exist_ok=True)
    settings = f'port {port}\nbind 127.0.0.1\nrequirepass {password}\nsave ""\ndaemonize no\n'
    env = config_for(home).plain_environment()
    child = Child(ChildSpec("valkey", (str(valkey_binary()), "-"), env, log, home, private_input=settings))
    child.start()

    def answers() -> bool:
        client = redis.Redis.from_url(url)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()

    wait_until(answers, 30, "Valkey on TCP")
    return url, child
