"""All writes of models and versions."""

from apps.registry.services.bringing import Brought, version_bring
from apps.registry.services.models import (
    model_archive,
    model_attach,
    model_create,
    model_get_or_create,
    model_name_fit,
    model_tag_delete,
    model_update,
)
from apps.registry.services.registering import (
    Labels,
    logged_model_register,
    model_version_create,
    version_register,
)
from apps.registry.services.restating import version_copy, version_restate, version_rethreshold
from apps.registry.services.stated import Stated, signature_of
from apps.registry.services.versions import (
    alias_check,
    alias_delete,
    alias_set,
    version_archive,
    version_describe,
    version_quarantine,
    version_stage_set,
    version_tag_delete,
)

__all__ = [
    "Brought",
    "Labels",
    "Stated",
    "alias_check",
    "alias_delete",
    "alias_set",
    "logged_model_register",
    "model_archive",
    "model_attach",
    "model_create",
    "model_get_or_create",
    "model_name_fit",
    "model_tag_delete",
    "model_update",
    "model_version_create",
    "signature_of",
    "version_archive",
    "version_bring",
    "version_copy",
    "version_describe",
    "version_quarantine",
    "version_register",
    "version_restate",
    "version_rethreshold",
    "version_stage_set",
    "version_tag_delete",
]
