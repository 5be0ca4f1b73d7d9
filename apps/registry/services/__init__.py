"""All writes of models and versions."""

from apps.registry.services.models import model_archive, model_get_or_create, model_update
from apps.registry.services.versions import (
    alias_delete,
    alias_set,
    model_version_create,
    version_archive,
    version_describe,
    version_quarantine,
)

__all__ = [
    "alias_delete",
    "alias_set",
    "model_archive",
    "model_get_or_create",
    "model_update",
    "model_version_create",
    "version_archive",
    "version_describe",
    "version_quarantine",
]
