"""docker-compose.yml and Dockerfile, read and checked: what they start exists, what they use is declared."""

from __future__ import annotations

import importlib.util
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlplane.stack.config import ROOT, config_read
from controlplane.stack.services import service_specs

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {"migrate", "web", "live", "worker", "beat", "gateway"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def words(name: str) -> list[str]:
    """A service's command, word by word."""
    return " ".join(SERVICES[name]["command"]).split(" ")


def module(name: str) -> str:
    command = words(name)
    return command[command.index("-m") + 1]


def test_every_part_is_there() -> None:
    assert OURS | {"postgres", "redis", "proxy"} == set(SERVICES)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_starts_a_module_that_exists(name: str) -> None:
    command = words(name)

    assert importlib.util.find_spec(module(name)) is not None
    for argument in command:
        application = re.fullmatch(r"([a-z_.]+):application", argument)
        if application:
            assert (ROOT / f"{application[1].replace('.', '/')}.py").exists()


def test_commands_say_what_the_supervisor_says(tmp_path: Path) -> None:
    config = config_read({"FAIRWAY_HOME": str(tmp_path), "GATEWAY_KEY_FILE": "/run/secrets/gateway_key"})
    modules = {spec.name: spec.argv[2] for spec in service_specs(config, "postgres://", "redis://")}
    worker = next(spec for spec in service_specs(config, "", "") if spec.name == "worker")

    assert modules == {name: module(name) for name in modules}
    assert set(worker.argv[1:]) == set(SERVICES["worker"]["command"][1:])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_a_health_check_a_restart_rule_and_a_pinned_image(name: str) -> None:
    service = SERVICES[name]

    tag = service["image"].rpartition(":")[2]
    assert ":" in service["image"]
    assert tag != "latest"
    assert re.search(r"\d", tag)
    if name == "migrate":
        assert service["restart"] == "no"
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
    for other, rule in (service.get("depends_on") or {}).items():
        wanted = "service_completed_successfully" if other == "migrate" else "service_healthy"
        assert rule == {"condition": wanted}


def test_every_secret_volume_and_network_is_declared_and_used() -> None:
    for kind in ("secrets", "networks"):
        used = {item for service in SERVICES.values() for item in service.get(kind, [])}
        assert used == set(COMPOSE[kind])
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount for mount in mounts if not mount.startswith((".", "/"))}
    assert named == set(COMPOSE["volumes"])
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("."))


def test_secrets_come_by_file_and_every_named_file_is_one_of_the_services_own() -> None:
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|DATABASE_URL|REDIS_URL", name):
                assert name.endswith("_FILE")
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_only_the_proxy_is_reached_and_the_gateway_reaches_neither_database_nor_queue() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["gateway"]["networks"] == ["app"]
    assert SERVICES["gateway"]["secrets"] == ["gateway_key"]
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_proxy_sends_every_kind_of_address_to_a_service_on_its_own_port() -> None:
    text = (ROOT / "docker" / "Caddyfile").read_text()

    assert set(re.findall(r"reverse_proxy (\S+)", text)) == {"live:8001", "gateway:8002", "web:8000"}
    for name, port in (("web", "8000"), ("live", "8001"), ("gateway", "8002")):
        assert port in words(name)
    assert "handle /internal/*" in text


def test_image_is_built_in_stages_from_locked_wheels_and_runs_as_an_ordinary_user() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    versions = dict(re.findall(r"^ARG (\w+)=(\S+)", DOCKERFILE, re.M))

    assert len(bases) == 3
    assert "latest" not in DOCKERFILE
    assert all(re.match(r"\d", version) for version in versions.values())
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
    assert "npm ci --ignore-scripts" in DOCKERFILE
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", final, re.M)
    assert final.index("USER 10001") < final.index("CMD [")
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M):
        assert all((ROOT / path).exists() for path in source.split())


def test_secrets_script_makes_every_declared_file_once(tmp_path: Path) -> None:
    script = tmp_path / "docker" / "secrets.sh"
    script.parent.mkdir()
    script.write_bytes((ROOT / "docker" / "secrets.sh").read_bytes())
    script.chmod(0o755)

    def made_by_a_run() -> dict[str, str]:
        subprocess.run([str(script)], check=True, capture_output=True)
        return {file.name: file.read_text() for file in (script.parent / "secrets").iterdir()}

    made = made_by_a_run()

    assert made_by_a_run() == made
    assert {f"docker/secrets/{name}" for name in made} == {entry["file"] for entry in COMPOSE["secrets"].values()}
    assert made["database_password"] in made["database_url"]
    assert min(len(value) for value in made.values()) >= 48
    assert stat.S_IMODE((script.parent / "secrets").stat().st_mode) == 0o700
    assert os.access(ROOT / "docker" / "secrets.sh", os.X_OK)
