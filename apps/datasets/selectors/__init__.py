"""Reading data: everything is limited to what the actor may see."""

from apps.datasets.selectors.datasets import (
    dataset_get,
    dataset_list,
    dataset_newest,
    dataset_version_by_digest,
    dataset_version_get,
    dataset_version_list,
    dataset_version_of_size,
    disk_use,
    upload_get,
    upload_open_list,
)
from apps.datasets.selectors.profiles import (
    SegmentRow,
    SupportReport,
    column_profile,
    split_counts,
    support_report,
    training_facts,
    verdict_of,
)

__all__ = [
    "SegmentRow",
    "SupportReport",
    "column_profile",
    "dataset_get",
    "dataset_list",
    "dataset_newest",
    "dataset_version_by_digest",
    "dataset_version_get",
    "dataset_version_list",
    "dataset_version_of_size",
    "disk_use",
    "split_counts",
    "support_report",
    "training_facts",
    "upload_get",
    "upload_open_list",
    "verdict_of",
]
