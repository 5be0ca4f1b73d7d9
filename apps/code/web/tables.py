"""The lists of code and of environments."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.code.models import Bundle, Environment
from apps.core.tables import ChoiceFilter, Column, Table, TextFilter


def _entries(bundle: Bundle) -> str:
    names = [str(one["id"]) for one in bundle.entries]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _made(environment: Environment) -> int:
    return len(environment.packages)


BUNDLES = Table(
    key="code",
    columns=[
        Column("name", "Code", sort="name", link=True),
        Column("kind", "Kind", sort="kind", value="get_kind_display"),
        Column("state", "State", sort="state", format="state", value="state"),
        Column("entries", "Entries", value=_entries, wrap=True),
        Column("digest", "Digest", value="digest", css="fw-mono"),
        Column("size", "Size", sort="size", format="bytes", value="size"),
        Column("by", "Brought by", sort="created_by_label", value="created_by_label"),
        Column("created", "Brought", sort="id", format="ago", value="created_at"),
    ],
    filters=[
        TextFilter("q", "Find code", ["name", "filename", "repository", "commit", "sha256"]),
        ChoiceFilter("kind", "Kind", [(str(value), str(label)) for value, label in Bundle.Kind.choices]),
    ],
    default_sort="-created",
    row_url=lambda row: reverse("code-detail", args=[row.pk]),
    label="Code",
    noun="bundle",
)

ENVIRONMENTS = Table(
    key="environments",
    columns=[
        Column("environment", "Environment", sort="digest", link=True, value=lambda row: row.digest[:12]),
        Column("name", "First for", sort="name", value="name"),
        Column("state", "State", sort="state", format="state", value="state"),
        Column("packages", "Packages", value=_made, numeric=True),
        Column("python", "Python", sort="python", value="python"),
        Column("size", "Size", sort="size", format="bytes", value="size"),
        Column("used", "Last used", sort="used_at", format="ago", value="used_at"),
        Column("built", "Built", sort="built_at", format="ago", value="built_at"),
    ],
    filters=[
        TextFilter("q", "Find an environment", ["name", "digest", "lock"]),
        ChoiceFilter("state", "State", [(str(value), str(label)) for value, label in Environment.State.choices]),
    ],
    default_sort="-used",
    row_url=lambda row: reverse("environment-detail", args=[row.pk]),
    label="Environments",
    noun="environment",
)


def tabs(current: str) -> list[dict[str, Any]]:
    """The siblings among the pages of code."""
    return [
        {"label": "Code", "url": reverse("code-list"), "current": current == "code"},
        {"label": "Templates", "url": reverse("template-list"), "current": current == "templates"},
        {"label": "Environments", "url": reverse("environment-list"), "current": current == "environments"},
    ]
