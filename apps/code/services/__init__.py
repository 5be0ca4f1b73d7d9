"""All writes of the room: taking code in, building environments, removing them."""

from apps.code.placing import environment_place, places_sweep
from apps.code.services.branches import branch_check, branch_commit
from apps.code.services.bundles import (
    bundle_archive,
    bundle_fetch,
    bundle_store,
    fetch_fail,
    fetch_finish,
    fetch_retry,
    repository_check,
)
from apps.code.services.environments import (
    build_fail,
    build_finish,
    build_retry,
    environment_build,
    environment_delete,
    environment_job,
    environment_order,
    environment_require,
    environments_collect,
    python_check,
)

__all__ = [
    "branch_check",
    "branch_commit",
    "build_fail",
    "build_finish",
    "build_retry",
    "bundle_archive",
    "bundle_fetch",
    "bundle_store",
    "environment_build",
    "environment_delete",
    "environment_job",
    "environment_order",
    "environment_place",
    "environment_require",
    "environments_collect",
    "fetch_fail",
    "fetch_finish",
    "fetch_retry",
    "places_sweep",
    "python_check",
    "repository_check",
]
