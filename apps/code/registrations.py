"""What the room tells others about itself; called once from `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from apps.code import blob_sources, selectors, services
from apps.core.actors import Actor
from apps.core.links import link_register, page_of
from apps.core.registries import (
    Command,
    Hit,
    NavEntry,
    command_register,
    navigation_register,
    search_register,
)
from apps.jobs.contracts import Fact, JobKind, Surroundings, job_kind_register

if TYPE_CHECKING:
    from apps.jobs.models import Job


# Which system this is, which pip tells the index and cannot do without.
_RELEASE = ("/etc/debian_version", "/etc/os-release", "/etc/lsb-release", "/etc/redhat-release")


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (80 if parts.scheme == "http" else 443)


def build_surroundings(job: Job) -> Surroundings:
    """The build reaches the package index and nothing else: its address comes from the worker, never from a lock."""
    folder, index = settings.PACKAGE_FOLDER, settings.PACKAGE_INDEX_URL
    if folder:
        return Surroundings(read=(folder, *_RELEASE), env={"FAIRWAY_PACKAGE_FOLDER": folder})
    ports = (_port(index),) if index else (443,)
    return Surroundings(read=_RELEASE, connect_ports=ports, env={"FAIRWAY_PACKAGE_INDEX": index})


def fetch_surroundings(job: Job) -> Surroundings:
    """The fetch reaches the port of its repository."""
    return Surroundings(connect_ports=(_port(str(job.spec["repository"])),))


def _environment_url(job: Job) -> str:
    return reverse("environment-detail", args=[job.subject_id])


def _bundle_url(job: Job) -> str:
    return reverse("code-detail", args=[job.subject_id])


def _build_facts(actor: Actor, job: Job) -> list[Fact]:
    packages = str(job.spec.get("lock", "")).count("\n")
    return [Fact("Packages", str(packages)), Fact("Python", str(job.spec.get("python", "")), mono=True)]


def _fetch_facts(actor: Actor, job: Job) -> list[Fact]:
    spec = job.spec
    return [Fact("Repository", str(spec["repository"])), Fact("Commit", str(spec["commit"])[:12], mono=True)]


def _find(actor: Actor, text: str, limit: int) -> Iterable[Hit]:
    for bundle in selectors.bundle_search(actor, text, limit):
        url = reverse("code-detail", args=[bundle.pk])
        yield Hit("Code", str(bundle), bundle.get_kind_display(), url, "code")


def _may_bring(actor: Actor) -> bool:
    teams = actor.team_ids("job.run")
    return teams is None or bool(teams)


def register() -> None:
    """Job kinds, navigation, search, commands, links, stored bytes."""
    blob_sources.register()
    job_kind_register(
        JobKind(
            "build",
            "Environment",
            on_finish=services.build_finish,
            on_fail=services.build_fail,
            on_retry=services.build_retry,
            subject_url=_environment_url,
            facts=_build_facts,
            surroundings=build_surroundings,
        )
    )
    job_kind_register(
        JobKind(
            "fetch",
            "Code from git",
            on_finish=services.fetch_finish,
            on_fail=services.fetch_fail,
            on_retry=services.fetch_retry,
            subject_url=_bundle_url,
            facts=_fetch_facts,
            surroundings=fetch_surroundings,
        )
    )
    navigation_register(NavEntry("code", "Code", "code", "code-list", 37, "c"))
    search_register("code", _find)
    command_register(Command("Bring code", "code-create", "code", _may_bring))
    command_register(Command("Go to environments", "environment-list", "package"))
    link_register("code.bundle", page_of("code-detail"), word="code")
    link_register("code.environment", page_of("environment-detail"), word="environment")
