"""Reading models and versions."""

from apps.registry.selectors.complexity import complexity_of
from apps.registry.selectors.models import (
    alias_list,
    alias_numbers,
    model_by_name,
    model_get,
    model_list,
    model_search,
)
from apps.registry.selectors.registry_search import (
    model_version_page,
    registered_model_page,
)
from apps.registry.selectors.versions import (
    blob_needed,
    brought_list,
    lineage_missing,
    live_version_of,
    model_missing,
    model_ref,
    model_version_get,
    signature_missing,
    version_by_alias,
    version_by_number,
    version_heads,
    version_heads_by_stage,
    version_list,
    version_newest,
    version_of_run,
    version_search,
    versions_of_runs,
)

__all__ = [
    "alias_list",
    "alias_numbers",
    "blob_needed",
    "brought_list",
    "complexity_of",
    "lineage_missing",
    "live_version_of",
    "model_by_name",
    "model_get",
    "model_list",
    "model_missing",
    "model_ref",
    "model_search",
    "model_version_get",
    "model_version_page",
    "registered_model_page",
    "signature_missing",
    "version_by_alias",
    "version_by_number",
    "version_heads",
    "version_heads_by_stage",
    "version_list",
    "version_newest",
    "version_of_run",
    "version_search",
    "versions_of_runs",
]
