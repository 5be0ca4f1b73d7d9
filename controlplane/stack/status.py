"""What `manage.py status` tells: every process, its address and health, versions, queue depths."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from apps.home.health.probes import broker_probe, http_probe, port_probe
from controlplane.stack.config import ROOT
from controlplane.stack.home import lock_held
from controlplane.stack.ports import HOST, address_said
from controlplane.stack.services import QUEUES
from controlplane.stack.state import state_read


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask: the home, the addresses as seen from here, and the queue's address."""

    home: Path
    web_url: str
    gateway_url: str
    live_port: int
    redis_url: str


def status_collect(place: Place, database: dict[str, str], workers: list[str] | None) -> dict[str, Any]:
    """The whole status as JSON values.

    `database` is {"health", "version"}; `workers` are the names of the workers that answered, None when nobody asked.
    Without a supervisor on this home (containers, a server's own services) the processes are judged by their addresses.
    """
    state = state_read(place.home)
    supervised = lock_held(place.home)
    broker = broker_probe(place.redis_url, QUEUES)
    health = {
        "web": http_probe(f"{place.web_url}/health/ready"),
        "gateway": http_probe(f"{place.gateway_url}/v2/health/live"),
        "live": port_probe(HOST, place.live_port),
        "postgres": database["health"],
        "valkey": broker["health"],
    }
    if workers is not None:
        health["worker"] = "ok" if workers else "no answer"
    if supervised:
        processes = [_process(entry, health) for entry in state.get("processes", [])]
    else:
        addresses = {"web": place.web_url, "gateway": place.gateway_url, "live": f"ws://{HOST}:{place.live_port}"}
        processes = [
            {"name": name, "state": "UNKNOWN", "health": value, "address": address_said(addresses.get(name, ""))}
            for name, value in health.items()
        ]
    return {
        "running": health["web"] == "ok",
        "supervised": supervised,
        "ready": bool(supervised and state.get("ready")) or (not supervised and health["web"] == "ok"),
        "home": str(place.home),
        "started_at": state.get("started_at", "") if supervised else "",
        "processes": processes,
        "queues": broker["queues"],
        "workers": workers,
        "memory_bytes": sum(entry.get("memory_bytes") or 0 for entry in processes),
        "versions": {
            "fairway": version_read(),
            "python": platform.python_version(),
            "postgresql": database["version"],
            "valkey": broker["version"],
        },
    }


def status_text(status: dict[str, Any]) -> str:
    """The same for a person at a terminal."""
    lines = [f"Fairway {status['versions']['fairway']} on {status['home']}"]
    if not status["running"]:
        lines.append("It does not run: make run starts it.")
    lines.append("")
    lines.append(f"{'process':10} {'pid':>7} {'state':9} {'health':24} {'restarts':>8} {'memory':>8}  address")
    for entry in status["processes"]:
        memory = entry.get("memory_bytes")
        lines.append(
            f"{entry['name']:10} {entry.get('pid') or '':>7} {entry['state']:9} {entry['health'][:24]:24} "
            f"{entry.get('restarts', ''):>8} {f'{memory / 2**20:.0f} MB' if memory else '':>8}  {entry['address']}"
        )
        if entry.get("last_error"):
            lines.append(f"{'':10} last error: {entry['last_error'][:140]}")
    lines.append("")
    if status["queues"] is not None:
        lines.append("queues: " + ", ".join(f"{name} {depth}" for name, depth in status["queues"].items()))
    if status["memory_bytes"]:
        lines.append(f"memory: {status['memory_bytes'] / 2**20:.0f} MB in all")
    if status.get("health"):
        lines.append("")
        lines.append(f"health: {status['health']['verdict']} {status['health']['advice']}".rstrip())
        for part in status["health"]["parts"]:
            if part["state"] not in ("OK", "NONE"):
                lines.append(f"  {part['title']}: {part['text']}")
        lines.append("")
    lines.append("versions: " + ", ".join(f"{name} {value}" for name, value in status["versions"].items() if value))
    return "\n".join(lines)


def version_read(root: Path = ROOT) -> str:
    """The release, from pyproject.toml."""
    with open(root / "pyproject.toml", "rb") as handle:
        return str(tomllib.load(handle)["project"]["version"])


def memory_bytes(pid: int) -> int:
    """Memory of a process and everything below it: the proportional share where the system tells it, else resident."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in family:
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", 0) or full.rss
        except psutil.Error:
            continue
    return total


def _process(entry: dict[str, Any], health: dict[str, str]) -> dict[str, Any]:
    pid = entry.get("pid")
    alive = isinstance(pid, int) and psutil.pid_exists(pid)
    told = health.get(entry["name"], "ok" if alive else "not running")
    return {
        "name": entry["name"],
        "pid": pid,
        "state": entry["state"] if alive or entry["state"] != "RUNNING" else "STOPPED",
        "health": told if alive else "not running",
        "address": entry["address"],
        "started_at": entry["started_at"],
        "restarts": entry["restarts"],
        "last_error": entry["last_error"],
        "log": entry["log"],
        "memory_bytes": memory_bytes(pid) if isinstance(pid, int) and alive else 0,
    }
