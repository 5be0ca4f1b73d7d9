"""Settings of the tests: real PostgreSQL and Valkey, fast password hashing, mail kept in memory."""

from controlplane.settings.base import *  # noqa: F403
from controlplane.settings.base import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Test threads and transactions share few connections; a pool would keep a test database from being dropped.
DATABASES["default"]["OPTIONS"].pop("pool", None)
# Attempt limits of one test must not reach the next run.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
