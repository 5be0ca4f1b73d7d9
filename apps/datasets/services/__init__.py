"""Writing data: one function per verb."""

from apps.datasets.services.datasets import (
    dataset_archive,
    dataset_create,
    dataset_delete,
    dataset_edit,
    dataset_restore,
    delete_preview,
)
from apps.datasets.services.locking import version_lock
from apps.datasets.services.profiles import (
    profile_fail,
    profile_finish,
    profile_retry,
    version_profile_again,
    version_support_count,
)
from apps.datasets.services.uploads import (
    UploadResult,
    upload_abort,
    upload_begin,
    upload_complete,
    upload_part,
    uploads_expire,
)
from apps.datasets.services.versions import (
    dataset_version_create_from_file,
    version_cite,
    version_make,
    version_purge,
    version_quarantine,
    version_recall,
    version_release,
    version_roles_save,
    version_split_save,
)

__all__ = [
    "UploadResult",
    "dataset_archive",
    "dataset_create",
    "dataset_delete",
    "dataset_edit",
    "dataset_restore",
    "dataset_version_create_from_file",
    "delete_preview",
    "profile_fail",
    "profile_finish",
    "profile_retry",
    "upload_abort",
    "upload_begin",
    "upload_complete",
    "upload_part",
    "uploads_expire",
    "version_cite",
    "version_lock",
    "version_make",
    "version_profile_again",
    "version_purge",
    "version_quarantine",
    "version_recall",
    "version_release",
    "version_roles_save",
    "version_split_save",
    "version_support_count",
]
