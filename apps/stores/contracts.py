"""The kinds of stores: which fields each has and what they are called; and the words of a test's steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STEPS = (
    ("open", "Open it"),
    ("claim", "It is nobody else's"),
    ("write", "Write a small file"),
    ("read", "Read it back"),
    ("list", "List it"),
    ("delete", "Delete it"),
)
"""(key, words) of what a test tries, in order."""


@dataclass(frozen=True, slots=True)
class FieldAbout:
    """A field of one kind, as people see it."""

    label: str
    help: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class KindAbout:
    """A kind of store. `library` is the module it needs, brought by `package`; an empty `key_label`: it has none."""

    title: str
    text: str
    fields: Mapping[str, FieldAbout] = field(default_factory=dict)
    key_label: str = ""
    key_help: str = ""
    key_required: bool = False
    library: str = ""
    package: str = ""


_PREFIX = FieldAbout("Prefix", "What the names of all files begin with; for a bucket that others use too.")

KINDS: dict[str, KindAbout] = {
    "EMBEDDED": KindAbout("this installation", "Where this installation keeps files by itself (STORAGE_URL)."),
    "FILE": KindAbout(
        "Folder",
        "A folder of the server, such as a mounted disk; web and workers see it under the same path.",
        {"location": FieldAbout("Folder", "An absolute path, outside the installation's own folder.", True)},
    ),
    "S3": KindAbout(
        "S3-compatible",
        "Amazon S3, MinIO, Ceph and whatever else speaks S3.",
        {
            "location": FieldAbout("Bucket", "It is there already; Fairway makes none.", True),
            "prefix": _PREFIX,
            "endpoint_url": FieldAbout("Address", "Of the server; empty for Amazon S3."),
            "region": FieldAbout("Region", "Such as eu-central-1."),
            "key_id": FieldAbout("Access key id", "Empty, with no secret: what the server's own environment gives."),
        },
        key_label="Secret access key",
        key_help="It needs to read, write, list and delete in the bucket.",
        library="boto3",
        package="django-storages[s3]",
    ),
    "GOOGLE": KindAbout(
        "Google Cloud Storage",
        "A bucket of Google Cloud.",
        {
            "location": FieldAbout("Bucket", "It is there already; Fairway makes none.", True),
            "prefix": _PREFIX,
        },
        key_label="Key of a service account",
        key_help="The JSON file of the key. Empty: what the server's own environment gives.",
        library="google.cloud.storage",
        package="django-storages[google]",
    ),
    "AZURE": KindAbout(
        "Azure Blob Storage",
        "A container of an Azure storage account.",
        {
            "location": FieldAbout("Container", "It is there already; Fairway makes none.", True),
            "prefix": _PREFIX,
            "key_id": FieldAbout("Account", "The name of the storage account.", True),
        },
        key_label="Account key",
        key_help="One of the account's two keys.",
        key_required=True,
        library="azure.storage.blob",
        package="django-storages[azure]",
    ),
}
"""By the codes of `StorageBackend.Kind`."""

ADDABLE = tuple(kind for kind in KINDS if kind != "EMBEDDED")
EVERY_FIELD = ("location", "prefix", "endpoint_url", "region", "key_id")
