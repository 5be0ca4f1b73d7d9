"""Turn the addresses of database, storage and mail into Django's settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def database(url: str) -> dict[str, Any]:
    """`postgres://user:password@host:port/name?option=value`; a socket directory as `?host=/path`."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must begin with postgres:// : Fairway runs on PostgreSQL 15 or newer only.")
    query = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "fairway",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "") or ""),
        "ATOMIC_REQUESTS": False,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            # Whoever waits for a connection is answered within 2 s, also when there is none.
            "pool": {"min_size": 1, "max_size": 16, "timeout": 1.5, "max_idle": 300},
            "connect_timeout": 2,
            "application_name": "fairway",
            # Tables are joined in the order that the query names them beyond six: planning a page's widest query
            # took 41 ms, running it 2 ms.
            "options": "-c join_collapse_limit=6",
            **query,
        },
    }


# What is read from a cloud waits on disk beyond this many bytes: the libraries' own default is memory without end.
SPOOL_BYTES = 2 * 1024 * 1024


def storage(url: str) -> dict[str, Any]:
    """`file:///path`, `s3://bucket/prefix?endpoint_url=…`, `gs://bucket/prefix`, `azure://container/prefix?account_name=…`.

    Credentials come from where each cloud's own library looks for them, or from the query. Raises ValueError for
    another scheme, and for S3 without its library.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    prefix = parts.path.lstrip("/")
    if parts.scheme == "file":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {
                "location": unquote(parts.path),
                "file_permissions_mode": 0o600,
                "directory_permissions_mode": 0o700,
            },
        }
    if parts.scheme == "s3":
        options: dict[str, Any] = {
            "bucket_name": parts.netloc,
            "location": prefix,
            "file_overwrite": True,
            "max_memory_size": SPOOL_BYTES,
            "client_config": _s3_patience(),
            **query,
        }
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    if parts.scheme == "gs":
        options = {"bucket_name": parts.netloc, "location": prefix, "file_overwrite": True}
        options |= {"max_memory_size": SPOOL_BYTES, **query}
        return {"BACKEND": "storages.backends.gcloud.GoogleCloudStorage", "OPTIONS": options}
    if parts.scheme == "azure":
        options = {"azure_container": parts.netloc, "location": prefix, "overwrite_files": True, **query}
        return {"BACKEND": "storages.backends.azure_storage.AzureStorage", "OPTIONS": options}
    raise ValueError(f"STORAGE_URL must begin with file, s3, gs or azure, not {parts.scheme!r}.")


def _s3_patience() -> Any:
    """A store that is away is noticed within seconds, so that a page can say so; the library would wait minutes."""
    try:
        from botocore.config import Config
    except ImportError:
        raise ValueError(
            "STORAGE_URL names S3, and its library is not installed: run make run once with that STORAGE_URL set."
        ) from None
    return Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})


def email(url: str) -> dict[str, Any]:
    """`console:` or `smtp://user:password@host:port?tls=1` as Django's EMAIL_ settings."""
    parts = urlsplit(url)
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if parts.scheme not in ("smtp", "smtps"):
        raise ValueError("EMAIL_URL must begin with console: or smtp:// .")
    query = dict(parse_qsl(parts.query))
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": query.get("tls") == "1",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
    }
