"""Reading code and environments: everything is limited to what the actor may see."""

from apps.code.selectors.bundles import (
    bundle_bytes,
    bundle_choices,
    bundle_get,
    bundle_list,
    bundle_search,
    entries_of,
    entry_find,
    notebook_problems,
)
from apps.code.selectors.environments import (
    environment_get,
    environment_list,
    environment_own,
    environment_told,
    removal_preview,
)

__all__ = [
    "bundle_bytes",
    "bundle_choices",
    "bundle_get",
    "bundle_list",
    "bundle_search",
    "entries_of",
    "entry_find",
    "environment_get",
    "environment_list",
    "environment_own",
    "environment_told",
    "notebook_problems",
    "removal_preview",
]
